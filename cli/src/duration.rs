//! Durations on the command line and in answers, as expressions write them: `1h30m`.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A duration that can be an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        parse(text).map(Span)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        text.parse()
    }
}

/// The duration that a text tells.
pub fn parse(text: &str) -> Result<Duration, String> {
    let nanoseconds = dag_expr::argument::duration(text).map_err(|error| error.to_string())?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| "expected a duration that is not negative".to_owned())?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// A duration as expressions write it in their one form: `1d2h`.
pub fn shown(duration: Duration) -> String {
    dag_expr::syntax::duration::canonical(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_expressions() {
        assert_eq!([0, 90_061].map(|seconds| shown(Duration::from_secs(seconds))), ["0s", "1d1h1m1s"]);
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("5 min"), parse("300s"));
        assert!(parse("-5s").is_err());
        assert!(parse("5").is_err());
    }
}
