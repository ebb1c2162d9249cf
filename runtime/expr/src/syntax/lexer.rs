//! Text to tokens.

use crate::error::{Error, Span};
use crate::syntax::ast::Ident;
use crate::syntax::duration::{self, Unit};
use crate::syntax::name;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// Without quotes, its parts joined by dots.
    Name(String),
    /// In lower case.
    Keyword(&'static str),
    Symbol(&'static str),
    Integer(u64),
    Float(f64),
    Text(String),
    Duration(i64),
    /// `{host=web1,zone='eu'}`
    Tags(Vec<Tag>),
    End,
}

/// A key and the text that it must equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tag {
    pub key: Ident,
    pub value: Ident,
}

/// Longer ones first.
const SYMBOLS: [&str; 18] =
    ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", ";", "}"];

/// All tokens of `text`, [`TokenKind::End`] last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let start = lexer.at;
        let kind = lexer.token()?;
        let end = kind == TokenKind::End;
        tokens.push(Token { kind, span: start..lexer.at });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads on while characters are such, and returns them.
    fn take_while(&mut self, such: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char| !such(char)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Reads on behind `mark` if it is next.
    fn skip(&mut self, mark: &str) -> bool {
        let next = self.rest().starts_with(mark);
        self.at += if next { mark.len() } else { 0 };
        next
    }

    fn token(&mut self) -> Result<TokenKind, Error> {
        let start = self.at;
        match self.peek() {
            None => Ok(TokenKind::End),
            Some('0'..='9') => self.number(),
            Some('\'') => Ok(TokenKind::Text(self.quoted('\'')?)),
            Some('"') => Ok(TokenKind::Name(self.name()?)),
            Some(char) if is_word(char) => {
                let word = self.name()?;
                let keyword = name::keyword(&self.text[start..self.at]);
                Ok(keyword.map_or(TokenKind::Name(word), TokenKind::Keyword))
            }
            Some('{') => self.tags(),
            Some(char) => match SYMBOLS.into_iter().find(|symbol| self.skip(symbol)) {
                Some(symbol) => Ok(TokenKind::Symbol(symbol)),
                None => Err(Error::new(start..start + char.len_utf8(), format!("`{char}` has no meaning here"))),
            },
        }
    }

    /// Parts with dots between them.
    fn name(&mut self) -> Result<String, Error> {
        let mut name = self.part()?;
        while self.skip(".") {
            name.push('.');
            name += &self.part()?;
        }
        Ok(name)
    }

    fn part(&mut self) -> Result<String, Error> {
        let start = self.at;
        let part = if self.peek() == Some('"') { self.quoted('"')? } else { self.take_while(is_word).to_owned() };
        if part.is_empty()
            || part.starts_with(|char: char| char.is_ascii_digit() && !self.text[start..].starts_with('"'))
        {
            let found = self.peek().map_or("the end".to_owned(), |char| format!("`{char}`"));
            return Err(Error::new(start..self.at.max(start + 1), format!("expected a name, found {found}")));
        }
        Ok(part)
    }

    /// What stands between two quotes; two quotes in a row are one.
    fn quoted(&mut self, quote: char) -> Result<String, Error> {
        let start = self.at;
        let mut content = String::new();
        self.at += 1;
        loop {
            content += self.take_while(|char| char != quote);
            if self.at == self.text.len() {
                let what = if quote == '"' { "name" } else { "text" };
                return Err(Error::new(start..self.at, format!("this {what} has no closing {quote}")));
            }
            self.at += 1;
            if self.peek() != Some(quote) {
                return Ok(content);
            }
            content.push(quote);
            self.at += 1;
        }
    }

    /// A number, or a duration if a unit follows.
    fn number(&mut self) -> Result<TokenKind, Error> {
        let start = self.at;
        self.decimal();
        let decimal = &self.text[start..self.at];
        let exponent = self.exponent();
        let number = &self.text[start..self.at];
        if self.peek().is_some_and(is_word) || self.spaced_unit()? {
            if exponent {
                return Err(Error::new(start..self.at, "a duration has no exponent"));
            }
            return self.duration(start, decimal);
        }
        let span = start..self.at;
        if let Ok(integer) = number.parse() {
            return Ok(TokenKind::Integer(integer));
        }
        match number.parse() {
            Ok(float) if f64::is_finite(float) && (exponent || number.contains('.')) => Ok(TokenKind::Float(float)),
            _ => Err(Error::new(span, "this number is too large")),
        }
    }

    /// Digits, and if a point and a digit follow, those too.
    fn decimal(&mut self) {
        self.take_while(|char| char.is_ascii_digit());
        if self.rest().starts_with('.') && self.rest()[1..].starts_with(|char: char| char.is_ascii_digit()) {
            self.at += 1;
            self.take_while(|char| char.is_ascii_digit());
        }
    }

    /// `e`, perhaps a sign, and digits.
    fn exponent(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else { return false };
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !digits.starts_with(|char: char| char.is_ascii_digit()) {
            return false;
        }
        self.at = self.text.len() - digits.len();
        self.take_while(|char| char.is_ascii_digit());
        true
    }

    /// Whether a unit follows behind a space, which is then skipped. A number is never followed by a name otherwise.
    fn spaced_unit(&mut self) -> Result<bool, Error> {
        let number_end = self.at;
        self.skip_space();
        let start = self.at;
        let word = self.take_while(is_unit);
        let span = start..self.at;
        self.at = number_end;
        match duration::unit(word) {
            Unit::Unknown => Ok(false),
            Unit::Calendar => Err(calendar(span)),
            Unit::Length(_) if duration::may_be_spaced(word) => {
                self.at = start;
                Ok(true)
            }
            Unit::Length(_) => {
                Err(Error::new(number_end..span.end, format!("a space stands before the unit `{word}`"))
                    .help("write short units behind the number: `5m`, `300s`"))
            }
        }
    }

    /// The rest of a duration whose first number has been read.
    fn duration(&mut self, start: usize, first: &str) -> Result<TokenKind, Error> {
        let mut number = first;
        let mut total = 0_i64;
        loop {
            let unit_start = self.at;
            let word = self.take_while(is_unit);
            let length = match duration::unit(word) {
                Unit::Length(length) => length,
                Unit::Calendar => return Err(calendar(unit_start..self.at)),
                Unit::Unknown if word.is_empty() => {
                    return Err(
                        Error::new(start..self.at, "this duration has no unit at its end").help("write `1h30m`")
                    );
                }
                Unit::Unknown => {
                    let error = Error::new(start..self.at, format!("`{word}` is no unit of time"));
                    let help = "units are ns us ms s min h d w; a name that begins with a digit goes in double quotes";
                    return Err(error.help(help));
                }
            };
            let span = start..self.at;
            let sum = duration::scaled(number, length).and_then(|part| total.checked_add(part));
            total = sum.ok_or_else(|| {
                Error::new(span, "a duration is a whole number of nanoseconds, at most 292 years of them")
            })?;
            let next = self.at;
            self.decimal();
            number = &self.text[next..self.at];
            if number.is_empty() {
                return Ok(TokenKind::Duration(total));
            }
        }
    }

    /// `{` key `=` value, ... `}`
    fn tags(&mut self) -> Result<TokenKind, Error> {
        let start = self.at;
        self.at += 1;
        let mut tags = Vec::new();
        loop {
            self.skip_space();
            let key_start = self.at;
            let key = Ident { text: self.name()?, span: key_start..self.at };
            self.skip_space();
            if !self.skip("=") {
                return Err(Error::new(self.at..self.at + 1, "expected `=` after the tag's name")
                    .help("tags look like `{host=web1,zone=eu}`; for other conditions use filter(...)"));
            }
            self.skip_space();
            tags.push(Tag { key, value: self.tag_value()? });
            self.skip_space();
            if self.skip("}") {
                return Ok(TokenKind::Tags(tags));
            }
            if !self.skip(",") {
                let (span, message) = match self.peek() {
                    None => (start..self.at, "these tags have no closing `}`".to_owned()),
                    Some(char) => (self.at..self.at + char.len_utf8(), format!("expected `,` or `}}`, found `{char}`")),
                };
                return Err(Error::new(span, message));
            }
        }
    }

    /// Quoted, or raw text up to `,` or `}` without the space around it.
    fn tag_value(&mut self) -> Result<Ident, Error> {
        let start = self.at;
        if let Some(quote @ ('\'' | '"')) = self.peek() {
            let text = self.quoted(quote)?;
            return Ok(Ident { text, span: start..self.at });
        }
        let text = self.take_while(|char| char != ',' && char != '}').trim_end();
        let span = start..start + text.len();
        if text.is_empty() {
            return Err(Error::new(start..start + 1, "expected the tag's value").help("empty text is `''`"));
        }
        Ok(Ident { text: text.to_owned(), span })
    }
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn is_unit(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_'
}

fn calendar(span: Span) -> Error {
    Error::new(span, "calendar units are not durations").help("months and years differ in length; write days: `30d`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let mut kinds: Vec<_> = tokens(text).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(TokenKind::End));
        kinds
    }

    #[test]
    fn spellings_of_a_duration_are_one() {
        let five = vec![TokenKind::Duration(300_000_000_000)];
        for text in ["5m", "5min", "5 min", "5  minutes", "300s", "300 sec", "0.5m4m30s", "4m60s", "300000ms"] {
            assert_eq!(kinds(text), five, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, message) in [
            ("5 m", "a space stands before"),
            ("1 month", "calendar units"),
            ("1M", "calendar units"),
            ("2y", "calendar units"),
            ("5 years", "calendar units"),
            ("5x", "`x` is no unit"),
            ("1e3s", "no exponent"),
            ("300000d", "292 years"),
            ("0.5ns", "whole number of nanoseconds"),
            ("1h30", "no unit at its end"),
            ("5m_x", "no unit"),
        ] {
            let error = tokens(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_are_whole_or_not() {
        use TokenKind::{Float, Integer};
        assert_eq!(kinds("1 1.0 1e3 2.5E-3"), [Integer(1), Float(1.0), Float(1000.0), Float(0.0025)]);
        assert!(tokens("1e999").is_err());
        assert!(tokens("99999999999999999999").is_err());
    }

    #[test]
    fn names_are_quoted_by_part_or_whole() {
        let name = |text: &str| TokenKind::Name(text.to_owned());
        assert_eq!(
            kinds(r#"a.b "a.b" "cpu-util" l."x y" "a""b""#),
            ["a.b", "a.b", "cpu-util", "l.x y", "a\"b"].map(name)
        );
        assert_eq!(kinds("And l.and"), [TokenKind::Keyword("and"), name("l.and")]);
        for text in ["\"\"", "a.", "a.1", "\"a", "a..b"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_value_is_raw_text() {
        let [TokenKind::Tags(tags)] = &kinds("{host= 5d , zone='a,b',x=1.5 y}")[..] else { panic!() };
        let values: Vec<_> = tags.iter().map(|tag| (tag.key.text.as_str(), tag.value.text.as_str())).collect();
        assert_eq!(values, [("host", "5d"), ("zone", "a,b"), ("x", "1.5 y")]);
        for text in ["{host=a", "{host}", "{}", "{host=}", "{host='a' b}", "{=a}"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
