//! The ways to misbehave, and what is said of each.

/// A way to misbehave at the record with the value 13.
pub struct Way {
    /// What follows the stream in the expression.
    pub window: &'static str,
    pub operator: &'static str,
    /// What the error says.
    pub says: &'static [&'static str],
}

const fn transform(operator: &'static str, says: &'static [&'static str]) -> Way {
    Way { window: "", operator, says }
}

const fn aggregate(operator: &'static str, says: &'static [&'static str]) -> Way {
    Way { window: ",5s", operator, says }
}

/// What fails on records is told with the position of the 13, which is the fourteenth record of its stream.
const AT: &str = "at record 1:13 of h";

/// A call that takes too long is told with all records that it was about: they are not searched.
const AMONG: &str = "records from 1:13 of h";

pub const WAYS: &[Way] = &[
    transform("traps", &["trapped", "unreachable", AT]),
    transform("panics", &["trapped", "thirteen guests at the table", AT]),
    transform("refuses", &["thirteen is one too many", AT]),
    transform("loops", &["longer than the 200ms", AMONG]),
    transform("loops_in_advance", &["longer than the 200ms"]),
    transform("hoards", &["more memory than its limit of 16MiB", AT]),
    transform("recurses", &["trapped", "stack exhausted", AT]),
    transform("returns_too_much", &["more than the 1MiB", AT]),
    transform("chatters", &["longer than the 200ms", AMONG]),
    transform("garbage", &["malformed frame", AT]),
    transform("bad_version", &["malformed frame", "version", AT]),
    transform("bad_length", &["malformed frame", "length", AT]),
    transform("bad_offset", &["malformed frame", AT]),
    transform("bad_text", &["malformed frame", "UTF-8", AT]),
    transform("bad_time", &["malformed frame", "null", AT]),
    transform("other_type", &["malformed frame", "type", AT]),
    transform("other_columns", &["malformed frame", "columns", AT]),
    transform("disorders", &["emitted a record at", "before its frontier", AT]),
    transform("goes_back", &["emitted a record at 1970-01-01T00:00:00Z, before its frontier", AT]),
    transform("hold_goes_back", &["moved its hold back to 1970-01-01T00:00:00Z"]),
    transform("more_for_ever", &["times in a row that there is more"]),
    aggregate("fold_traps", &["trapped", AT]),
    aggregate("fold_loops", &["longer than the 200ms", AMONG]),
    aggregate("fold_hoards", &["more memory than its limit of 16MiB", AT]),
    aggregate("finish_loops", &["longer than the 200ms"]),
    aggregate("finish_too_few", &["returned 0 rows where"]),
    aggregate("finish_other_type", &["malformed frame", "type"]),
];

/// The same in Go. A panic is an error there, with its line, and what Go's runtime gives up for is told in its words.
pub const GO_WAYS: &[Way] = &[
    transform("traps", &["trapped", AT]),
    transform("panics", &["panic: thirteen guests at the table (operator.go:", AT]),
    transform("refuses", &["thirteen is one too many", AT]),
    transform("deadlocks", &["all goroutines are asleep - deadlock!", AT]),
    transform("loops", &["longer than the 200ms", AMONG]),
    transform("loops_in_advance", &["longer than the 200ms"]),
    transform("hoards", &["more memory than its limit of 16MiB", AT]),
    transform("recurses", &["trapped", "stack exhausted", AT]),
    transform("returns_too_much", &["more than the 1MiB", AT]),
    transform("chatters", &["longer than the 200ms", AMONG]),
    transform("garbage", &["malformed frame", AT]),
    transform("bad_version", &["malformed frame", "version", AT]),
    transform("bad_length", &["malformed frame", "length", AT]),
    transform("bad_offset", &["malformed frame", AT]),
    transform("bad_text", &["malformed frame", "UTF-8", AT]),
    transform("bad_time", &["malformed frame", "null", AT]),
    transform("other_type", &["malformed frame", "type", AT]),
    transform("other_columns", &["malformed frame", "columns", AT]),
    transform("disorders", &["emitted a record at", "before its frontier", AT]),
    transform("goes_back", &["emitted a record at 1970-01-01T00:00:00Z, before its frontier", AT]),
    transform("hold_goes_back", &["moved its hold back to 1970-01-01T00:00:00Z"]),
    transform("more_for_ever", &["times in a row that there is more"]),
    aggregate("fold_traps", &["trapped", AT]),
    aggregate("fold_panics", &["panic: thirteen guests at the table (operator.go:", AT]),
    aggregate("fold_loops", &["longer than the 200ms", AMONG]),
    aggregate("fold_hoards", &["more memory than its limit of 16MiB", AT]),
    aggregate("finish_loops", &["longer than the 200ms"]),
    aggregate("finish_too_few", &["returned 0 rows where"]),
    aggregate("finish_other_type", &["malformed frame", "type"]),
];

/// The same in JavaScript, below the SDK. What is thrown is an error; `make guests` builds them.
pub const JS_WAYS: &[Way] = &[
    transform("traps", &["cannot read property 'frame' of null", AT]),
    transform("panics", &["thirteen guests at the table", AT]),
    transform("refuses", &["thirteen is one too many", AT]),
    transform("loops", &["longer than the 200ms", AMONG]),
    transform("loops_in_advance", &["longer than the 200ms"]),
    transform("hoards", &["more memory than its limit of 16MiB", AT]),
    transform("recurses", &["trapped", "stack exhausted", AT]),
    transform("returns_too_much", &["more than the 1MiB", AT]),
    transform("chatters", &["longer than the 200ms", AMONG]),
    transform("garbage", &["malformed frame", AT]),
    transform("bad_version", &["malformed frame", "version", AT]),
    transform("bad_length", &["malformed frame", "length", AT]),
    transform("bad_offset", &["malformed frame", AT]),
    transform("bad_text", &["malformed frame", "UTF-8", AT]),
    transform("bad_time", &["malformed frame", "null", AT]),
    transform("other_type", &["malformed frame", "type", AT]),
    transform("other_columns", &["malformed frame", "columns", AT]),
    transform("disorders", &["emitted a record at", "before its frontier", AT]),
    transform("goes_back", &["emitted a record at 1970-01-01T00:00:00Z, before its frontier", AT]),
    transform("hold_goes_back", &["moved its hold back to 1970-01-01T00:00:00Z"]),
    transform("more_for_ever", &["times in a row that there is more"]),
    aggregate("fold_traps", &["cannot read property 'frame' of null", AT]),
    aggregate("fold_panics", &["thirteen guests at the table", AT]),
    aggregate("fold_loops", &["longer than the 200ms", AMONG]),
    aggregate("fold_hoards", &["more memory than its limit of 16MiB", AT]),
    aggregate("finish_loops", &["longer than the 200ms"]),
    aggregate("finish_too_few", &["returned 0 rows where"]),
    aggregate("finish_other_type", &["malformed frame", "type"]),
];

/// What a subscriber is told at once, without a computation.
pub const REFUSED: &[(&str, &str)] = &[
    ("opens_never(x)", "longer than the 200ms"),
    ("opens_refused(x)", "not on a Friday"),
    ("opens_twice_a_column(x)", "broke its interface"),
    ("binds_never(x, 5s)", "longer than the 200ms"),
    ("binds_to_nothing(x, 5s)", "asks for column 99 of 1"),
];

/// How a component goes wrong that is asked what it is, and what the error says.
pub const DESCRIBING: [(&str, &str); 7] = [
    ("loops", "longer than the 200ms"),
    ("traps", "trapped"),
    ("hoards", "more memory than its limit of 16MiB"),
    ("chatters", "longer than the 200ms"),
    ("operators", "300 operators"),
    ("parameters", "33 parameters"),
    ("docs", "more than the 1MiB"),
];
