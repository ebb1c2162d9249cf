//! Durations on the command line, as expressions write them: `1h30m`.

use std::time::Duration;

/// The duration that a text tells.
pub fn parse(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("`{text}` is not a duration; one looks like 1h30m"))
}
