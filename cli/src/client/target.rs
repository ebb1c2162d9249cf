//! What a request is about: a path under `/v1` and its parameters, percent-encoded.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path and its parameters. Displayed as they stand in a request.
#[derive(Clone, Debug)]
pub struct Target {
    text: String,
    has_parameters: bool,
}

impl Target {
    /// The path under `/v1` whose parts are these, whatever characters they hold.
    pub fn new(parts: &[&str]) -> Target {
        let mut text = String::from("/v1");
        for part in parts {
            text.push('/');
            text.extend(utf8_percent_encode(part, ENCODED));
        }
        Target { text, has_parameters: false }
    }

    /// With a parameter.
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Target {
        self.text.push(if self.has_parameters { '&' } else { '?' });
        self.has_parameters = true;
        self.text.push_str(name);
        self.text.push('=');
        self.text.extend(utf8_percent_encode(&value.to_string(), ENCODED));
        self
    }

    /// With a parameter, where there is a value.
    pub fn with_some(self, name: &str, value: Option<impl fmt::Display>) -> Target {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With `name=true`, where it is so.
    pub fn with_flag(self, name: &str, set: bool) -> Target {
        if set { self.with(name, true) } else { self }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_goes_into_the_query_encoded() {
        let target = Target::new(&["subscribe"]).with("expr", "avg(cpu_util, 5min)").with_flag("ordered", true);
        assert_eq!(target.to_string(), "/v1/subscribe?expr=avg%28cpu_util%2C%205min%29&ordered=true");
    }

    #[test]
    fn a_slash_in_a_name_stays_in_its_part_of_the_path() {
        assert_eq!(Target::new(&["streams", "a/b", "records"]).to_string(), "/v1/streams/a%2Fb/records");
    }
}
