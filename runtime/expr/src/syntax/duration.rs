//! Durations: `1h30m`, `5 min`, `300s`, in nanoseconds.

/// Units by name, with their length in nanoseconds. Those of more than two letters may stand behind a space.
const UNITS: [(&str, i64); 29] = [
    ("ns", 1),
    ("nanosecond", 1),
    ("nanoseconds", 1),
    ("us", 1_000),
    ("microsecond", 1_000),
    ("microseconds", 1_000),
    ("ms", 1_000_000),
    ("millisecond", 1_000_000),
    ("milliseconds", 1_000_000),
    ("s", SECOND),
    ("sec", SECOND),
    ("secs", SECOND),
    ("second", SECOND),
    ("seconds", SECOND),
    ("m", 60 * SECOND),
    ("min", 60 * SECOND),
    ("mins", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("minutes", 60 * SECOND),
    ("h", HOUR),
    ("hr", HOUR),
    ("hour", HOUR),
    ("hours", HOUR),
    ("d", 24 * HOUR),
    ("day", 24 * HOUR),
    ("days", 24 * HOUR),
    ("w", 7 * 24 * HOUR),
    ("week", 7 * 24 * HOUR),
    ("weeks", 7 * 24 * HOUR),
];
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

/// What a word behind a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A unit of that many nanoseconds.
    Length(i64),
    /// A month or a year, whose length depends on the date.
    Calendar,
    /// Something else.
    Unknown,
}

/// What this word is as a unit.
pub(crate) fn unit(word: &str) -> Unit {
    if let Some((_, length)) = UNITS.into_iter().find(|(name, _)| *name == word) {
        return Unit::Length(length);
    }
    match word {
        "M" | "mo" | "mon" | "mons" | "month" | "months" | "y" | "yr" | "yrs" | "year" | "years" | "quarter"
        | "quarters" => Unit::Calendar,
        _ => Unit::Unknown,
    }
}

/// Whether a space may stand between the number and this unit.
pub(crate) fn may_be_spaced(word: &str) -> bool {
    word.len() > 2
}

/// A decimal number of some unit, in nanoseconds; none if that is not a whole number of them, or more than 64 bits tell.
pub(crate) fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let total = digits.checked_mul(i128::from(unit))?;
    if total % scale == 0 { i64::try_from(total / scale).ok() } else { None }
}

/// A duration in its one form: `5m`, `1h30m`, `1s500ms`, `-1d`, `0s`.
///
/// ```
/// use dag_expr::syntax::duration::canonical;
/// assert_eq!(canonical(5_400_000_000_000), "1h30m");
/// ```
pub fn canonical(ns: i64) -> String {
    let mut rest = ns.unsigned_abs();
    let mut text = if ns < 0 { "-".to_owned() } else { String::new() };
    for (unit, length) in
        [("d", 24 * HOUR), ("h", HOUR), ("m", 60 * SECOND), ("s", SECOND), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)]
    {
        let length = length.unsigned_abs();
        if rest >= length {
            text += &format!("{}{unit}", rest / length);
            rest %= length;
        }
    }
    if ns == 0 { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_form() {
        let table = [
            (300 * SECOND, "5m"),
            (7 * 24 * HOUR, "7d"),
            (90 * SECOND, "1m30s"),
            (1_500_000_000, "1s500ms"),
            (1, "1ns"),
            (0, "0s"),
            (-60 * SECOND, "-1m"),
            (i64::MIN, "-106751d23h47m16s854ms775us808ns"),
        ];
        for (ns, text) in table {
            assert_eq!(canonical(ns), text);
        }
    }

    #[test]
    fn fractions_are_exact_or_refused() {
        assert_eq!(scaled("1.5", HOUR), Some(HOUR + HOUR / 2));
        assert_eq!(scaled("0.25", 1_000_000), Some(250_000));
        assert_eq!(scaled("1.0000", 1), Some(1));
        assert_eq!(scaled("0.5", 1), None);
        assert_eq!(scaled("0.125", 60 * SECOND), Some(7_500_000_000));
        assert_eq!(scaled("0.0000000001", SECOND), None);
        assert_eq!(scaled(&format!("0.{}1", "0".repeat(60)), SECOND), None);
        assert_eq!(scaled("9999999999", HOUR), None);
    }
}
