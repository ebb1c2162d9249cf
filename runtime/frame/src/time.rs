//! RFC 3339 text to and from nanoseconds since 1970-01-01T00:00:00Z.
//!
//! Calendar arithmetic is Howard Hinnant's `days_from_civil` and `civil_from_days`
//! (<https://howardhinnant.github.io/date_algorithms.html>): proleptic Gregorian, years that begin in March.

use std::fmt;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Why text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It does not look like `2014-02-14T14:00:00Z`.
    Form,
    /// There is no such day, hour, minute or second.
    Calendar,
    /// Before 1677-09-21 or after 2262-04-11, which 64 bits of nanoseconds cannot tell.
    Range,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeError::Form => "not a time; one looks like 2014-02-14T14:00:00Z",
            TimeError::Calendar => "no such day or time of day",
            TimeError::Range => "outside of 1677-09-21 to 2262-04-11, the times that can be told",
        })
    }
}

impl std::error::Error for TimeError {}

/// The time as RFC 3339 in UTC: `2014-02-14T14:00:00Z`, with three, six or nine digits of a fraction where there is one.
pub fn format(ns: i64) -> String {
    let mut out = Vec::with_capacity(30);
    append(&mut out, ns);
    String::from_utf8(out).expect("times are written in ASCII")
}

/// Appends the text that [`format()`] returns.
pub fn append(out: &mut Vec<u8>, ns: i64) {
    let (seconds, fraction) = (ns.div_euclid(SECOND), ns.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    digits(&mut text[..4], year);
    for (at, value) in [(5, month), (8, day), (11, second / 3600), (14, second / 60 % 60), (17, second % 60)] {
        digits(&mut text[at..at + 2], value);
    }
    if fraction != 0 {
        digits(&mut text[20..29], fraction);
    }
    let end = match fraction {
        0 => 19,
        _ if fraction % 1_000_000 == 0 => 23,
        _ if fraction % 1_000 == 0 => 26,
        _ => 29,
    };
    text[end] = b'Z';
    out.extend_from_slice(&text[..=end]);
}

/// The time that the text tells: a date, then perhaps `T` or a space and `HH:MM`, `HH:MM:SS` or with a fraction of up to nine
/// digits, then perhaps `Z` or an offset. Without an offset it is UTC.
///
/// ```
/// use dag_frame::time::{format, parse};
/// assert_eq!(format(parse("2014-02-14 15:00:00.5+01:00").unwrap()), "2014-02-14T14:00:00.500Z");
/// ```
///
/// # Errors
/// If it has another form, names a day or time that does not exist (leap seconds among them: time in nanoseconds since the
/// epoch has no place for them), or is out of range.
pub fn parse(text: &str) -> Result<i64, TimeError> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4)?;
    let month = rest.after(b"-")?.number(2)?;
    let day = rest.after(b"-")?.number(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return Err(TimeError::Calendar);
    }
    let (mut second, mut fraction) = (0, 0);
    if !rest.0.is_empty() {
        let hour = rest.after(b"Tt ")?.number(2)?;
        let minute = rest.after(b":")?.number(2)?;
        if rest.skip(b":") {
            second = rest.number(2)?;
            fraction = if rest.skip(b".") { rest.fraction()? } else { 0 };
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimeError::Calendar);
        }
        second += hour * 3600 + minute * 60 - rest.offset()?;
    }
    if !rest.0.is_empty() {
        return Err(TimeError::Form);
    }
    let seconds = days_from_civil(year, month, day) * DAY + second;
    i64::try_from(i128::from(seconds) * i128::from(SECOND) + i128::from(fraction)).map_err(|_| TimeError::Range)
}

/// What of the text has not been read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// A number of exactly that many digits.
    fn number(&mut self, width: usize) -> Result<i64, TimeError> {
        let (digits, rest) = self.0.split_at_checked(width).ok_or(TimeError::Form)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, byte| match byte {
            b'0'..=b'9' => Ok(number * 10 + i64::from(byte - b'0')),
            _ => Err(TimeError::Form),
        })
    }

    /// Reads on after one of these bytes, if it is next.
    fn skip(&mut self, marks: &[u8]) -> bool {
        let next = self.0.first().is_some_and(|byte| marks.contains(byte));
        self.0 = &self.0[usize::from(next)..];
        next
    }

    /// Reads on after one of these bytes, which must be next.
    fn after(&mut self, marks: &[u8]) -> Result<&mut Self, TimeError> {
        if self.skip(marks) { Ok(self) } else { Err(TimeError::Form) }
    }

    /// Nanoseconds from one to nine digits.
    fn fraction(&mut self) -> Result<i64, TimeError> {
        let width = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&width) {
            return Err(TimeError::Form);
        }
        Ok(self.number(width)? * 10_i64.pow(9 - width as u32))
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Result<i64, TimeError> {
        if self.0.is_empty() || self.skip(b"Zz") {
            return Ok(0);
        }
        let sign = if self.skip(b"-") { -1 } else { self.after(b"+").map(|_| 1)? };
        let hours = self.number(2)?;
        let colon = self.skip(b":");
        let minutes = if colon || !self.0.is_empty() { self.number(2)? } else { 0 };
        if hours > 23 || minutes > 59 {
            return Err(TimeError::Calendar);
        }
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

/// Fills text with a number and leading zeros.
fn digits(text: &mut [u8], number: i64) {
    let mut rest = number as u32;
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + of_era + i64::from(month <= 2), month, day)
}
