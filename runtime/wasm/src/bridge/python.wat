;; The bridge between a guest of Python and `dag:operator`: it passes every call on, and makes bytes of the texts that come back
;; (guest-sdk/python/dag_guest/wit/python.wit). Imports and exports are named as wit-component wants them.
(module
    (import "dag:python/aggregating" "describe" (func $aggregating-describe (param i32)))
    (import "dag:python/aggregating" "bind" (func $aggregating-bind (param i32 i32 i32 i32 i32 i32 i32)))
    (import "dag:python/aggregating" "update" (func $aggregating-update (param i32 i32 i32)))
    (import "dag:python/aggregating" "combine" (func $aggregating-combine (param i32 i32 i32)))
    (import "dag:python/aggregating" "state" (func $aggregating-state (param i32 i32 i32)))
    (import "dag:python/aggregating" "merge" (func $aggregating-merge (param i32 i32 i32)))
    (import "dag:python/aggregating" "scan" (func $aggregating-scan (param i32 i32 i32)))
    (import "dag:python/aggregating" "finish" (func $aggregating-finish (param i32 i32 i32)))
    (import "dag:python/aggregating" "clear" (func $aggregating-clear (param i32 i32 i32)))
    (import "dag:python/transforming" "describe" (func $transforming-describe (param i32)))
    (import "dag:python/transforming" "open" (func $transforming-open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "dag:python/transforming" "process" (func $transforming-process (param i32 i32 i32 i32 i32)))
    (import "dag:python/transforming" "advance" (func $transforming-advance (param i32 i64 i32)))
    (import "dag:python/transforming" "snapshot" (func $transforming-snapshot (param i32)))
    (import "dag:python/transforming" "restore" (func $transforming-restore (param i32 i32 i32 i32)))

    (memory (export "memory") 1)
    ;; Where results are put. The canonical ABI lays them out; offsets below are from here.
    (global $result i32 (i32.const 16))
    ;; Where the next allocation begins. All that a call allocates is free when its caller has read what it returns.
    (global $next (mut i32) (i32.const 1024))

    (func $reset
        (global.set $next (i32.const 1024)))

    (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
        (local $new i32)
        (local $end i64)
        (local $missing i64)
        (local.set $new (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
        (local.set $end (i64.add (i64.extend_i32_u (local.get $new)) (i64.extend_i32_u (local.get $size))))
        (local.set $missing (i64.sub (local.get $end) (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
        (if (i64.gt_s (local.get $missing) (i64.const 0))
            (then
                (if (i32.eq (memory.grow (i32.wrap_i64 (i64.shr_u (i64.add (local.get $missing) (i64.const 65535)) (i64.const 16)))) (i32.const -1))
                    (then (unreachable)))))
        (global.set $next (i32.wrap_i64 (local.get $end)))
        (memory.copy (local.get $new) (local.get $old) (local.get $old-size))
        (local.get $new))

    ;; Makes bytes of a text that has a character below U+0100 for each, where it lies: its address and its length are at this address.
    (func $bytes (param $place i32)
        (local $from i32)
        (local $to i32)
        (local $end i32)
        (local $byte i32)
        (local.set $from (i32.load (local.get $place)))
        (local.set $to (local.get $from))
        (local.set $end (i32.add (local.get $from) (i32.load offset=4 (local.get $place))))
        (block $done
            (loop $next
                (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
                (local.set $byte (i32.load8_u (local.get $from)))
                (local.set $from (i32.add (local.get $from) (i32.const 1)))
                ;; Two bytes, 110000ab and 10cdefgh, are the character abcdefgh.
                (if (i32.ge_u (local.get $byte) (i32.const 0x80))
                    (then
                        (if (i32.ge_u (local.get $byte) (i32.const 0xc4)) (then (unreachable)))
                        (local.set $byte
                            (i32.or
                                (i32.shl (i32.and (local.get $byte) (i32.const 3)) (i32.const 6))
                                (i32.and (i32.load8_u (local.get $from)) (i32.const 0x3f))))
                        (local.set $from (i32.add (local.get $from) (i32.const 1)))))
                (i32.store8 (local.get $to) (local.get $byte))
                (local.set $to (i32.add (local.get $to) (i32.const 1)))
                (br $next)))
        (i32.store offset=4 (local.get $place) (i32.sub (local.get $to) (i32.load (local.get $place)))))

    ;; result<string, string>: at 4 the text.
    (func $mend-frame
        (if (i32.eqz (i32.load8_u (global.get $result))) (then (call $bytes (i32.add (global.get $result) (i32.const 4))))))

    ;; result<output, string>: at 8 the frame.
    (func $mend-output
        (if (i32.eqz (i32.load8_u (global.get $result))) (then (call $bytes (i32.add (global.get $result) (i32.const 8))))))

    ;; result<list<string>, string>: at 4 the list, of texts of 8 bytes each.
    (func $mend-chunks
        (local $chunk i32)
        (local $end i32)
        (if (i32.load8_u (global.get $result)) (then (return)))
        (local.set $chunk (i32.load offset=4 (global.get $result)))
        (local.set $end (i32.add (local.get $chunk) (i32.shl (i32.load offset=8 (global.get $result)) (i32.const 3))))
        (block $done
            (loop $next
                (br_if $done (i32.ge_u (local.get $chunk) (local.get $end)))
                (call $bytes (local.get $chunk))
                (local.set $chunk (i32.add (local.get $chunk) (i32.const 8)))
                (br $next))))

    ;; dag:operator/aggregating

    (func (export "dag:operator/aggregating@0.1.0#describe") (result i32)
        (call $aggregating-describe (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#describe") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#bind") (param $operator i32) (param $operator-length i32) (param $arguments i32) (param $arguments-length i32) (param $schema i32) (param $schema-length i32) (result i32)
        (call $aggregating-bind (local.get $operator) (local.get $operator-length) (local.get $arguments) (local.get $arguments-length) (local.get $schema) (local.get $schema-length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#bind") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#update") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-update (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#update") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#combine") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-combine (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#combine") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#state") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-state (local.get $frame) (local.get $length) (global.get $result))
        (call $mend-frame)
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#state") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#merge") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-merge (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#merge") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#scan") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-scan (local.get $frame) (local.get $length) (global.get $result))
        (call $mend-frame)
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#scan") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#finish") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-finish (local.get $frame) (local.get $length) (global.get $result))
        (call $mend-frame)
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#finish") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#clear") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-clear (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#clear") (param i32) (call $reset))

    ;; dag:operator/transforming

    (func (export "dag:operator/transforming@0.1.0#describe") (result i32)
        (call $transforming-describe (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#describe") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#open") (param $operator i32) (param $operator-length i32) (param $arguments i32) (param $arguments-length i32) (param $inputs i32) (param $inputs-length i32) (result i32)
        (call $transforming-open (local.get $operator) (local.get $operator-length) (local.get $arguments) (local.get $arguments-length) (local.get $inputs) (local.get $inputs-length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#open") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#process") (param $frames i32) (param $frames-length i32) (param $order i32) (param $order-length i32) (result i32)
        (call $transforming-process (local.get $frames) (local.get $frames-length) (local.get $order) (local.get $order-length) (global.get $result))
        (call $mend-output)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#process") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#advance") (param $is-some i32) (param $frontier i64) (result i32)
        (call $transforming-advance (local.get $is-some) (local.get $frontier) (global.get $result))
        (call $mend-output)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#advance") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#snapshot") (result i32)
        (call $transforming-snapshot (global.get $result))
        (call $mend-chunks)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#snapshot") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#restore") (param $version i32) (param $chunks i32) (param $chunks-length i32) (result i32)
        (call $transforming-restore (local.get $version) (local.get $chunks) (local.get $chunks-length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#restore") (param i32) (call $reset)))
