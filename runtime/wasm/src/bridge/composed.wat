;; A component of two: a guest of another toolchain and the bridge from what it exports to `dag:operator`. Both are empty here; the
;; host puts them in. PACKAGE is the guest's.
(component
    (import "dag:operator/host@0.1.0" (instance $host
        (type $level (enum "debug" "info" "warn" "error"))
        (export "level" (type $exported (eq $level)))
        (export "log" (func (param "level" $exported) (param "message" string)))
        (export "random" (func (result u64)))))
    (import "dag:operator/types@0.1.0" (instance $types
        (type $column-type (enum "boolean" "int64" "float64" "utf8" "binary" "timestamp"))
        (export "column-type" (type $column-type-named (eq $column-type)))
        (type $field (record (field "name" string) (field "ty" $column-type-named)))
        (export "field" (type $field-named (eq $field)))
        (type $schema (list $field-named))
        (export "schema" (type $schema-named (eq $schema)))
        (type $parameter-kind (enum "duration" "integer" "number" "text" "boolean" "column" "columns" "scalar" "predicate" "projection" "match"))
        (export "parameter-kind" (type $parameter-kind-named (eq $parameter-kind)))
        (type $parameter (record
            (field "name" string) (field "kind" $parameter-kind-named) (field "required" bool) (field "positional" bool) (field "repeated" bool)
            (field "default" (option string)) (field "doc" string)))
        (export "parameter" (type $parameter-named (eq $parameter)))
        (type $signature (record
            (field "name" string) (field "doc" string) (field "example" string) (field "min-inputs" u32) (field "max-inputs" (option u32))
            (field "parameters" (list $parameter-named)) (field "key" (option string)) (field "state-written" u32) (field "state-read" (list u32))))
        (export "signature" (type $signature-named (eq $signature)))
        (type $description (record (field "name" string) (field "version" string) (field "operators" (list $signature-named))))
        (export "description" (type (eq $description)))
        (type $argument (record (field "name" string) (field "value" string)))
        (export "argument" (type (eq $argument)))
        (type $input (record (field "alias" string) (field "schema" $schema-named)))
        (export "input" (type (eq $input)))
        (type $lookback (variant (case "none") (case "duration" u64) (case "unbounded")))
        (export "lookback" (type (eq $lookback)))))
    (component $guest)
    (component $bridge)
    (instance $running (instantiate $guest
        (with "dag:operator/host@0.1.0" (instance $host))
        (with "dag:operator/types@0.1.0" (instance $types))))
    (instance $bridged (instantiate $bridge
        (with "dag:operator/types@0.1.0" (instance $types))
        (with "PACKAGE/aggregating" (instance $running "PACKAGE/aggregating"))
        (with "PACKAGE/transforming" (instance $running "PACKAGE/transforming"))))
    (export "dag:operator/aggregating@0.1.0" (instance $bridged "dag:operator/aggregating@0.1.0"))
    (export "dag:operator/transforming@0.1.0" (instance $bridged "dag:operator/transforming@0.1.0")))
