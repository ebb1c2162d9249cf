//! SQL's `like`: `%` is any text, `_` is any one character, the rest is itself.

/// Whether the whole of `text` is as `pattern` says; both are UTF-8. At a mismatch only the last `%` takes one character more,
/// which is enough (Krauss, "Matching Wildcards: An Algorithm", 2008).
pub(crate) fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut expected) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(expected) {
            Some(b'%') => {
                expected += 1;
                retry = Some((at, expected));
                continue;
            }
            Some(b'_') if at < text.len() => {
                at = next_character(text, at);
                expected += 1;
                continue;
            }
            Some(byte) if text.get(at) == Some(byte) => {
                at += 1;
                expected += 1;
                continue;
            }
            None if at == text.len() => return true,
            _ => {}
        }
        match &mut retry {
            Some((from, behind)) if *from < text.len() => {
                *from = next_character(text, *from);
                (at, expected) = (*from, *behind);
            }
            _ => return false,
        }
    }
}

/// Where the character that begins at `at` ends.
fn next_character(text: &[u8], at: usize) -> usize {
    let continues = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    at + 1 + text[at + 1..].iter().take_while(continues).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let table = [
            ("web1", "web%", true),
            ("web1", "%1", true),
            ("web1", "%e%", true),
            ("web1", "web", false),
            ("web1", "web_", true),
            ("web", "web_", false),
            ("żółw", "____", true),
            ("żółw", "_____", false),
            ("", "%", true),
            ("", "", true),
            ("", "_", false),
            ("abcabd", "%ab_", true),
            ("aaab", "%a%ab", true),
            ("a%b", "a%b", true),
            ("Web", "web", false),
        ];
        for (text, pattern, expected) in table {
            assert_eq!(matches(text.as_bytes(), pattern.as_bytes()), expected, "{text} like {pattern}");
        }
    }
}
