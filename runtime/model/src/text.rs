//! Text that others wrote: what may be a name, and how any text is shown on a line.

use std::borrow::Cow;

/// The most bytes of a name that is given to something: a stream, a column, a cursor.
pub const MAX_NAME: usize = 200;

/// Why a text is no name, as what a name has and this one has not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, or too long.
    #[error("has 1 to {most} bytes, this one has {found}")]
    Length {
        /// Its bytes.
        found: usize,
        /// The most that are taken.
        most: usize,
    },
    /// It would not be shown as it is.
    #[error("has no control characters, this one has {}", printable(&found.to_string()))]
    Character {
        /// The first of them.
        found: char,
    },
}

/// Whether a text of at most so many bytes may be the name of something, which it is from then on wherever that is shown.
pub fn check_name(name: &str, most: usize) -> Result<(), NameError> {
    if name.is_empty() || name.len() > most {
        return Err(NameError::Length { found: name.len(), most });
    }
    match name.chars().find(|character| is_unprintable(*character)) {
        Some(found) => Err(NameError::Character { found }),
        None => Ok(()),
    }
}

/// Whether a character moves a terminal's cursor, ends a line, or turns around what stands beside it.
pub fn is_unprintable(character: char) -> bool {
    let turns = matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

/// The text as it can stand on a line of a terminal or a log: what [`is_unprintable`] is written as an escape such as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_unprintable(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// The first characters of a text, [`printable`], and dots where there are more.
pub fn shortened(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        None => printable(text),
        Some((end, _)) => Cow::Owned(format!("{}...", printable(&text[..end]))),
    }
}

/// Bytes in the greatest unit that divides them: `256MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let (unit, shift) = UNITS.into_iter().find(|(_, shift)| bytes.is_multiple_of(1 << shift)).unwrap_or(("B", 0));
    format!("{}{unit}", bytes >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_holds_nothing_that_a_terminal_obeys() {
        for name in ["x", "größe", "a b", "%/:", &"x".repeat(MAX_NAME)] {
            assert_eq!(check_name(name, MAX_NAME), Ok(()), "{name}");
        }
        for name in ["\u{1b}[2J", "a\nb", "\u{9b}", "a\u{202e}b", "\u{2028}", "\0"] {
            assert!(matches!(check_name(name, MAX_NAME), Err(NameError::Character { .. })), "{name:?}");
        }
        assert_eq!(check_name("", 9), Err(NameError::Length { found: 0, most: 9 }));
        assert_eq!(check_name(&"é".repeat(5), 9), Err(NameError::Length { found: 10, most: 9 }));
        let told = check_name("a\u{1b}", MAX_NAME).unwrap_err().to_string();
        assert_eq!(told, r"has no control characters, this one has \u{1b}");
    }

    #[test]
    fn what_is_shown_is_one_line_that_moves_no_cursor() {
        assert_eq!(printable("größe \"5\""), "größe \"5\"");
        assert_eq!(printable("a\r\n\u{1b}[31m\t\u{202e}"), r"a\r\n\u{1b}[31m\t\u{202e}");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("a\ncd", 3), r"a\nc...");
    }
}
