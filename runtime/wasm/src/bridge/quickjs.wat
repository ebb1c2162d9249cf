;; The bridge between a guest of QuickJS and `dag:operator`: it passes every call on, and puts the halves together in which
;; 64-bit integers cross (guest-sdk/js/wit/quickjs.wit). Imports and exports are named as wit-component wants them.
(module
    (import "dag:quickjs/aggregating" "describe" (func $aggregating-describe (param i32)))
    (import "dag:quickjs/aggregating" "bind" (func $aggregating-bind (param i32 i32 i32 i32 i32 i32 i32)))
    (import "dag:quickjs/aggregating" "update" (func $aggregating-update (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "combine" (func $aggregating-combine (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "state" (func $aggregating-state (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "merge" (func $aggregating-merge (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "scan" (func $aggregating-scan (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "finish" (func $aggregating-finish (param i32 i32 i32)))
    (import "dag:quickjs/aggregating" "clear" (func $aggregating-clear (param i32 i32 i32)))
    (import "dag:quickjs/transforming" "describe" (func $transforming-describe (param i32)))
    (import "dag:quickjs/transforming" "open" (func $transforming-open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "dag:quickjs/transforming" "process" (func $transforming-process (param i32 i32 i32 i32 i32)))
    (import "dag:quickjs/transforming" "advance" (func $transforming-advance (param i32 i32 i32 i32)))
    (import "dag:quickjs/transforming" "snapshot" (func $transforming-snapshot (param i32)))
    (import "dag:quickjs/transforming" "restore" (func $transforming-restore (param i32 i32 i32 i32)))
    (import "dag:quickjs/aggregating" "low" (func $aggregating-low (result i32)))
    (import "dag:quickjs/aggregating" "high" (func $aggregating-high (result i32)))
    (import "dag:quickjs/transforming" "low" (func $transforming-low (result i32)))
    (import "dag:quickjs/transforming" "high" (func $transforming-high (result i32)))

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

    ;; Writes two halves at this offset of the result.
    (func $mend (param $offset i32) (param $low i32) (param $high i32)
        (i64.store
            (i32.add (global.get $result) (local.get $offset))
            (i64.or (i64.extend_i32_u (local.get $low)) (i64.shl (i64.extend_i32_u (local.get $high)) (i64.const 32)))))

    ;; Whether the result is no error, and the byte at this offset of it is 1.
    (func $has (param $offset i32) (result i32)
        (i32.and
            (i32.eqz (i32.load8_u (global.get $result)))
            (i32.eq (i32.load8_u (i32.add (global.get $result) (local.get $offset))) (i32.const 1))))

    ;; result<binding, string>: at 8 the type, at 12 the columns, at 24 the lookback's case, at 32 its duration.
    (func $mend-binding
        (if (call $has (i32.const 24)) (then (call $mend (i32.const 32) (call $aggregating-low) (call $aggregating-high)))))

    ;; result<opening, string>: at 8 the schema, at 16 the order, at 24 the lookback's case, at 32 its duration.
    (func $mend-opening
        (if (call $has (i32.const 24)) (then (call $mend (i32.const 32) (call $transforming-low) (call $transforming-high)))))

    ;; result<output, string>: at 8 the frame, at 16 whether there is a hold, at 24 the hold, at 32 whether there is more.
    (func $mend-output
        (if (call $has (i32.const 16)) (then (call $mend (i32.const 24) (call $transforming-low) (call $transforming-high)))))

    ;; dag:operator/aggregating

    (func (export "dag:operator/aggregating@0.1.0#describe") (result i32)
        (call $aggregating-describe (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#describe") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#bind") (param $operator i32) (param $operator-length i32) (param $arguments i32) (param $arguments-length i32) (param $schema i32) (param $schema-length i32) (result i32)
        (call $aggregating-bind (local.get $operator) (local.get $operator-length) (local.get $arguments) (local.get $arguments-length) (local.get $schema) (local.get $schema-length) (global.get $result))
        (call $mend-binding)
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
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#state") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#merge") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-merge (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#merge") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#scan") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-scan (local.get $frame) (local.get $length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/aggregating@0.1.0#scan") (param i32) (call $reset))
    (func (export "dag:operator/aggregating@0.1.0#finish") (param $frame i32) (param $length i32) (result i32)
        (call $aggregating-finish (local.get $frame) (local.get $length) (global.get $result))
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
        (call $mend-opening)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#open") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#process") (param $frames i32) (param $frames-length i32) (param $order i32) (param $order-length i32) (result i32)
        (call $transforming-process (local.get $frames) (local.get $frames-length) (local.get $order) (local.get $order-length) (global.get $result))
        (call $mend-output)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#process") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#advance") (param $is-some i32) (param $frontier i64) (result i32)
        (call $transforming-advance (local.get $is-some) (i32.wrap_i64 (local.get $frontier)) (i32.wrap_i64 (i64.shr_u (local.get $frontier) (i64.const 32))) (global.get $result))
        (call $mend-output)
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#advance") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#snapshot") (result i32)
        (call $transforming-snapshot (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#snapshot") (param i32) (call $reset))
    (func (export "dag:operator/transforming@0.1.0#restore") (param $version i32) (param $chunks i32) (param $chunks-length i32) (result i32)
        (call $transforming-restore (local.get $version) (local.get $chunks) (local.get $chunks-length) (global.get $result))
        (global.get $result))
    (func (export "cabi_post_dag:operator/transforming@0.1.0#restore") (param i32) (call $reset)))
