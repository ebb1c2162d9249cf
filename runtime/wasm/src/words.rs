//! What guests say, made fit for logs, terminals and answers.

use dag_model::text::is_unprintable;

/// Bytes of what a guest says that are kept.
pub const MOST: usize = 4096;

/// The text, without what moves a terminal's cursor or fills a page: cut at [`MOST`] bytes, control characters but line ends
/// and tabs replaced.
pub fn fit(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MOST));
    match text.chars().any(is_unfit) {
        true => text.chars().map(|char| if is_unfit(char) { char::REPLACEMENT_CHARACTER } else { char }).collect(),
        false => text,
    }
}

/// Whether a character has no place in text that people see.
pub fn is_unfit(char: char) -> bool {
    is_unprintable(char) && char != '\n' && char != '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = fit("ä".repeat(MOST));
        assert_eq!(text, "ä".repeat(MOST / 2));
        assert_eq!(fit(format!("x{}", "ä".repeat(MOST))).len(), MOST - 1);
    }

    #[test]
    fn escape_sequences_do_not_get_through() {
        assert_eq!(fit("no\n\tway\x1b[2J\x07".to_owned()), "no\n\tway\u{fffd}[2J\u{fffd}");
    }
}
