//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// A range of bytes of an expression's text.
pub type Span = Range<usize>;

/// Why an expression was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The part of the text that is to blame.
    pub span: Span,
    /// What was found, and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What a caller may want to wait for.
    pub kind: ErrorKind,
}

/// Whether an expression may become valid when the node's streams and operators change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No stream has this name yet.
    UnknownStream(String),
    /// No operator has this name yet.
    UnknownOperator(String),
    /// The text itself is to blame.
    Other,
}

impl Error {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Error {
        Error { span, message: message.into(), help: None, kind: ErrorKind::Other }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Error {
        Error { help: Some(help.into()), ..self }
    }

    pub(crate) fn kind(self, kind: ErrorKind) -> Error {
        Error { kind, ..self }
    }

    /// The error as a person wants to see it: the message with its column, the expression with a line under the part that is to
    /// blame, the help. `text` is the expression that was refused.
    ///
    /// ```text
    /// column 5: there is no stream `cpu_utl`
    ///   avg(cpu_utl, 5min)
    ///       ^^^^^^^
    /// help: `cpu_util` has a similar name
    /// ```
    pub fn render(&self, text: &str) -> String {
        let start = floor_boundary(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let end = floor_boundary(text, self.span.end).clamp(start, line_start + line.len().max(start - line_start));
        let before = text[line_start..start].chars().count();
        let marked = text[start..end].chars().count().max(1);
        let shown = line.replace('\t', " ");
        let column = text[..start].chars().count() + 1;
        let mut out =
            format!("column {column}: {}\n  {shown}\n  {}{}", self.message, " ".repeat(before), "^".repeat(marked));
        if let Some(help) = &self.help {
            out += "\nhelp: ";
            out += help;
        }
        out
    }
}

/// The greatest character boundary of `text` that is not past `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_part_to_blame() {
        let error = Error::new(4..11, "there is no stream `cpu_utl`").help("`cpu_util` has a similar name");
        let shown = "column 5: there is no stream `cpu_utl`\n  avg(cpu_utl, 5min)\n      ^^^^^^^\nhelp: `cpu_util` has a similar name";
        assert_eq!(error.render("avg(cpu_utl, 5min)"), shown);
    }

    #[test]
    fn columns_count_characters_and_lines_stand_alone() {
        let error = Error::new(9..10, "found `)`");
        assert_eq!(error.render("'żó',\n x)\n"), "column 8: found `)`\n   x)\n    ^".replacen("    ^", "   ^", 1));
    }

    #[test]
    fn any_span_renders() {
        let text = "ż\nab";
        for start in 0..8 {
            for end in start..9 {
                assert!(Error::new(start..end, "m").render(text).contains('^'));
            }
        }
    }
}
