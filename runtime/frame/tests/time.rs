//! Times as text.

use dag_frame::time::{TimeError, format, parse};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

#[test]
fn a_time_is_written_with_no_more_digits_than_it_needs() {
    let table = [
        (0, "1970-01-01T00:00:00Z"),
        (1_392_386_400 * SECOND, "2014-02-14T14:00:00Z"),
        (500_000_000, "1970-01-01T00:00:00.500Z"),
        (1_000, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-5 * SECOND, "1969-12-31T23:59:55Z"),
        (951_782_400 * SECOND, "2000-02-29T00:00:00Z"),
        (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
    ];
    for (ns, text) in table {
        assert_eq!(format(ns), text);
        assert_eq!(parse(text), Ok(ns));
    }
}

#[test]
fn a_time_is_read_in_the_forms_that_people_write() {
    let two = 1_392_386_400 * SECOND;
    for text in [
        "2014-02-14T14:00:00Z",
        "2014-02-14t14:00:00z",
        "2014-02-14 14:00:00",
        "2014-02-14 14:00",
        "2014-02-14T14:00Z",
        "2014-02-14T14:00:00.000",
        "2014-02-14T15:30:00+01:30",
        "2014-02-14T15:30:00+0130",
        "2014-02-14T09:00:00-05",
        "2014-02-15T00:00:00+10:00",
    ] {
        assert_eq!(parse(text), Ok(two), "{text}");
    }
    assert_eq!(parse("2014-02-14"), Ok(two - 14 * 3600 * SECOND));
    assert_eq!(parse("2014-02-14T14:00:00.25"), Ok(two + SECOND / 4));
    assert_eq!(parse("2014-02-14T14:00:00.123456789Z"), Ok(two + 123_456_789));
}

#[test]
fn days_and_hours_that_do_not_exist_are_refused() {
    for text in [
        "2014-02-29",
        "1900-02-29",
        "2014-04-31",
        "2014-13-01",
        "2014-00-01",
        "2014-01-00",
        "2014-01-01T24:00:00Z",
        "2014-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "2014-01-01T00:00:00+24:00",
    ] {
        assert_eq!(parse(text), Err(TimeError::Calendar), "{text}");
    }
    assert!(parse("2000-02-29").is_ok());
}

#[test]
fn other_forms_are_refused() {
    for text in [
        "",
        "now",
        "2014",
        "2014-2-14",
        "14-02-2014",
        "2014-02-14T",
        "2014-02-14T14",
        "2014-02-14T14:00:00.",
        "2014-02-14T14:00:00.1234567890",
        "2014-02-14T14:00:00 Z",
        "2014-02-14T14:00:00Zz",
        "2014-02-14Z",
        "2014-02-14T14:00:00+1",
        "2014-02-14T14:00:00+01:",
        "+014-02-14",
        "２014-02-14",
    ] {
        assert_eq!(parse(text), Err(TimeError::Form), "{text}");
    }
}

#[test]
fn times_that_do_not_fit_are_refused() {
    for text in ["0000-01-01", "1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z", "9999-12-31"] {
        assert_eq!(parse(text), Err(TimeError::Range), "{text}");
    }
}

proptest! {
    #[test]
    fn a_time_is_read_as_it_was_written(ns in any::<i64>()) {
        prop_assert_eq!(parse(&format(ns)), Ok(ns));
    }

    #[test]
    fn text_order_is_time_order(a in any::<i64>(), b in any::<i64>()) {
        let seconds = |ns: i64| format(ns)[..19].to_owned();
        prop_assert_eq!(seconds(a).cmp(&seconds(b)), a.div_euclid(SECOND).cmp(&b.div_euclid(SECOND)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9TtZz:. +-]{0,32}") {
        let _ = parse(&text);
    }
}
