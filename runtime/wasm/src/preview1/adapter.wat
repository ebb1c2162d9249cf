;; Preview 1 of WASI for modules that Go builds, with nothing of the world behind it: what Go's runtime needs in order to run, and no more.
;;
;; It is linked into the component beside Go's module, so that the component imports nothing but dag's host. It is Go's only in one thing: it keeps
;; a line of output at 4096, where Go's linker leaves room that nothing uses under wasip1 (cmd/link reserves the addresses below 12288: a page that
;; catches nil, and the arguments of a program under JavaScript). `preview1.rs` makes sure that the module has nothing there.
;;
;;   clock          a counter in nanoseconds that every look moves on, and that says nothing about time: Go's runtime neither starts with a
;;                  clock at zero nor waits with one that stands still
;;   random         SplitMix64 with a fixed seed: the same in every instance
;;   arguments      none, and an empty environment
;;   output         line by line to the node's log: standard output as info, standard error as a warning; a line there that begins `fatal error: ` or
;;                  `panic: ` as an error, which is what the node tells as the reason of a trap, and the traces behind it not at all
;;   waiting        moves the clock on at once
;;   exit           a trap
;;   the rest       there are no files, no folders and no sockets: "bad file descriptor"
;;
;; Numbers of errors: 0 success, 8 badf, 52 nosys (wasi_snapshot_preview1, `errno`).
(module
  (import "env" "memory" (memory 0))
  (import "dag:operator/host@0.1.0" "log" (func $log (param $level i32) (param $message i32) (param $length i32)))

  ;; What the clock says next; never zero.
  (global $now (mut i64) (i64.const 1000000000))
  ;; SplitMix64's state.
  (global $seed (mut i64) (i64.const 0x646167))
  ;; Bytes of the line that is being written, and to which of 1 and 2.
  (global $line (mut i32) (i32.const 0))
  (global $line_of (mut i32) (i32.const 1))
  ;; Whether a reason to end has been logged.
  (global $fatal (mut i32) (i32.const 0))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store align=1 (local.get $out) (global.get $now))
    (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store align=1 (local.get $out) (i64.const 1000))
    (i32.const 0))

  ;; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
  (func $random (result i64)
    (local $z i64)
    (global.set $seed (i64.add (global.get $seed) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $z (global.get $seed))
    (local.set $z (i64.mul
      (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 30)))
      (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $z (i64.mul
      (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 27)))
      (i64.const 0x94d049bb133111eb)))
    (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 31))))

  (func (export "random_get") (param $out i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (i32.store8 (local.get $out) (i32.wrap_i64 (call $random)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; No arguments and no environment: none of them, in no bytes.
  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $no_strings (param $pointers i32) (param $bytes i32) (result i32) (i32.const 0))
  (export "args_get" (func $no_strings))
  (export "environ_get" (func $no_strings))

  ;; Whether the line begins like `fatal error: ` (`fata`) or `panic: ` (`pani`).
  (func $is_reason (result i32)
    (i32.and
      (i32.ge_u (global.get $line) (i32.const 4))
      (i32.or
        (i32.eq (i32.load (i32.const 4096)) (i32.const 0x61746166))
        (i32.eq (i32.load (i32.const 4096)) (i32.const 0x696e6170)))))

  ;; Logs the line, or drops it, and begins the next.
  (func $end_line
    (if (global.get $line)
      (then
        (if (i32.eq (global.get $line_of) (i32.const 1))
          (then (call $log (i32.const 1) (i32.const 4096) (global.get $line)))
          (else
            (if (i32.eqz (global.get $fatal))
              (then
                (global.set $fatal (call $is_reason))
                (call $log (i32.add (i32.const 2) (global.get $fatal)) (i32.const 4096) (global.get $line))))))))
    (global.set $line (i32.const 0)))

  ;; Takes one byte of output: a line ends with it (10), or where it has 4096 of them.
  (func $put (param $byte i32)
    (if (i32.eq (local.get $byte) (i32.const 10))
      (then (call $end_line))
      (else
        (i32.store8 offset=4096 (global.get $line) (local.get $byte))
        (global.set $line (i32.add (global.get $line) (i32.const 1)))
        (if (i32.eq (global.get $line) (i32.const 4096)) (then (call $end_line))))))

  ;; Output is a list of pieces: where each lies, and its length.
  (func (export "fd_write") (param $file i32) (param $pieces i32) (param $count i32) (param $out i32) (result i32)
    (local $at i32) (local $end i32) (local $written i32)
    (if (i32.gt_u (i32.sub (local.get $file) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (if (i32.ne (local.get $file) (global.get $line_of))
      (then
        (call $end_line)
        (global.set $line_of (local.get $file))))
    (block $done
      (loop $piece
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $pieces)))
        (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $pieces))))
        (local.set $written (i32.add (local.get $written) (i32.load offset=4 (local.get $pieces))))
        (block $over
          (loop $next
            (br_if $over (i32.ge_u (local.get $at) (local.get $end)))
            (call $put (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $piece)))
    (i32.store (local.get $out) (local.get $written))
    (i32.const 0))

  ;; Standard input is at its end.
  (func (export "fd_read") (param $file i32) (param $pieces i32) (param $count i32) (param $out i32) (result i32)
    (if (local.get $file) (then (return (i32.const 8))))
    (i32.store (local.get $out) (i32.const 0))
    (i32.const 0))

  ;; The three files are character devices (2) that can be read (2) and written (64).
  (func (export "fd_fdstat_get") (param $file i32) (param $out i32) (result i32)
    (if (i32.gt_u (local.get $file) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store align=1 (local.get $out) (i64.const 2))
    (i64.store offset=8 align=1 (local.get $out) (i64.const 66))
    (i64.store offset=16 align=1 (local.get $out) (i64.const 0))
    (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param $file i32) (param $flags i32) (result i32)
    (if (result i32) (i32.gt_u (local.get $file) (i32.const 2)) (then (i32.const 8)) (else (i32.const 0))))

  ;; Waits until the earliest of the clocks that are asked for, which is no wait: the clock is moved there. Whoever asks for a file learns that there is none.
  ;; A subscription has 48 bytes: what to say of it (0), its kind (8; 0 is a clock), the time (24), and whether that is no span (40). An event has 32: what was
  ;; to be said (0), an error (8), the kind (10).
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $at i32) (local $end i32) (local $time i64) (local $least i64) (local $found i32)
    (local.set $end (i32.add (local.get $in) (i32.mul (local.get $count) (i32.const 48))))
    (local.set $least (i64.const -1))
    (local.set $at (local.get $in))
    (block $measured
      (loop $next
        (br_if $measured (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $at)))
          (then
            (local.set $time (call $deadline (local.get $at)))
            (if (i64.lt_u (local.get $time) (local.get $least)) (then (local.set $least (local.get $time)))))
          (else (local.set $least (global.get $now))))
        (local.set $at (i32.add (local.get $at) (i32.const 48)))
        (br $next)))
    (local.set $at (local.get $in))
    (block $told
      (loop $next
        (br_if $told (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.load8_u offset=8 (local.get $at))
          (then
            (call $event (local.get $at) (local.get $out) (i32.const 8))
            (local.set $out (i32.add (local.get $out) (i32.const 32)))
            (local.set $found (i32.add (local.get $found) (i32.const 1))))
          (else
            (if (i64.le_u (call $deadline (local.get $at)) (local.get $least))
              (then
                (call $event (local.get $at) (local.get $out) (i32.const 0))
                (local.set $out (i32.add (local.get $out) (i32.const 32)))
                (local.set $found (i32.add (local.get $found) (i32.const 1)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 48)))
        (br $next)))
    (if (i64.gt_u (local.get $least) (global.get $now)) (then (global.set $now (local.get $least))))
    (i32.store (local.get $events) (local.get $found))
    (i32.const 0))

  ;; When a subscription to a clock is over.
  (func $deadline (param $at i32) (result i64)
    (if (result i64) (i32.and (i32.load16_u offset=40 (local.get $at)) (i32.const 1))
      (then (i64.load offset=24 align=1 (local.get $at)))
      (else (i64.add (global.get $now) (i64.load offset=24 align=1 (local.get $at))))))

  (func $event (param $at i32) (param $out i32) (param $error i32)
    (i64.store align=1 (local.get $out) (i64.load align=1 (local.get $at)))
    (i64.store offset=8 align=1 (local.get $out) (i64.const 0))
    (i64.store offset=16 align=1 (local.get $out) (i64.const 0))
    (i64.store offset=24 align=1 (local.get $out) (i64.const 0))
    (i32.store16 offset=8 (local.get $out) (local.get $error))
    (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $at))))

  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param $code i32)
    (call $end_line)
    unreachable)
  (func (export "proc_raise") (param $signal i32) (result i32) (i32.const 52))

  ;; There are no files and no folders.
  (func $1 (param i32) (result i32) (i32.const 8))
  (func $2 (param i32 i32) (result i32) (i32.const 8))
  (func $3 (param i32 i32 i32) (result i32) (i32.const 8))
  (func $5 (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func $6 (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (export "fd_close" (func $1))
  (export "fd_datasync" (func $1))
  (export "fd_sync" (func $1))
  (export "fd_tell" (func $2))
  (export "fd_renumber" (func $2))
  (export "fd_prestat_get" (func $2))
  (export "fd_filestat_get" (func $2))
  (export "fd_prestat_dir_name" (func $3))
  (export "path_create_directory" (func $3))
  (export "path_remove_directory" (func $3))
  (export "path_unlink_file" (func $3))
  (export "path_filestat_get" (func $5))
  (export "path_symlink" (func $5))
  (export "path_readlink" (func $6))
  (export "path_rename" (func $6))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8)))
