//! What uses something that is to go, as who wants it gone is told.

use std::fmt;

/// How many are named.
const NAMED: usize = 10;

/// What uses something: the first of them are shown, and how many more there are.
#[derive(Debug)]
pub struct Uses(pub Vec<String>);

impl fmt::Display for Uses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uses(uses) = self;
        f.write_str(&uses[..uses.len().min(NAMED)].join(", "))?;
        match uses.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        let uses = |count: usize| Uses((1..=count).map(|number| number.to_string()).collect()).to_string();
        assert_eq!(uses(2), "1, 2");
        assert_eq!(uses(10), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(uses(12), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
    }
}
