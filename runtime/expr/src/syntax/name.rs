//! Names: which need quotes, and which are near to one another.

use std::fmt;

/// Words of the grammar, in any case. `end` is none of them: it can stand only where no name can, and sessions have a column of
/// that name.
pub const KEYWORDS: [&str; 16] = [
    "and", "as", "between", "case", "cast", "else", "false", "in", "is", "like", "not", "null", "or", "then", "true",
    "when",
];

/// The keyword that this word is, in lower case.
pub(crate) fn keyword(word: &str) -> Option<&'static str> {
    KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// Whether no stream and no operator may have this name: keywords, `late`, which is a view of a source, and `errors`, which is one of a
/// derived stream.
pub fn is_reserved(name: &str) -> bool {
    keyword(name).is_some() || matches!(name, "late" | "errors")
}

/// Whether this is a letter or `_`, then letters, digits or `_`.
pub(crate) fn is_plain(part: &str) -> bool {
    let mut bytes = part.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name as the grammar writes it: in double quotes where it needs them.
///
/// ```
/// use dag_expr::syntax::name::Quoted;
/// assert_eq!(Quoted("prod.cpu_util").to_string(), "prod.cpu_util");
/// assert_eq!(Quoted("cpu-util").to_string(), "\"cpu-util\"");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        let first = name.split('.').next().unwrap_or_default();
        if name.split('.').all(is_plain) && keyword(first).is_none() && !is_reserved(name) {
            f.write_str(name)
        } else {
            write!(f, "\"{}\"", name.replace('"', "\"\""))
        }
    }
}

/// The longest name, in bytes, that is compared with others: nobody mistypes a longer one, and comparing takes the product of both lengths.
const COMPARED: usize = 64;

/// How many names one is compared with.
const CANDIDATES: usize = 1_000;

/// The names that somebody who wrote `name` may have meant: the nearest ones, at most three.
fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if name.len() > COMPARED {
        return Vec::new();
    }
    let length = name.chars().count();
    let allowed = (length / 3).clamp(1, 3);
    let close = |other: &&str| other.len() <= COMPARED && other.chars().count().abs_diff(length) <= allowed;
    let distances = names.into_iter().filter(close).take(CANDIDATES).map(|other| (distance(name, other), other));
    let mut near: Vec<_> = distances.filter(|(distance, _)| *distance <= allowed).collect();
    near.sort();
    near.dedup();
    let nearest = near.first().map(|(distance, _)| *distance);
    near.into_iter().filter(|(distance, _)| Some(*distance) == nearest).take(3).map(|(_, name)| name).collect()
}

/// "`a` has a similar name", or nothing.
pub fn near_help<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near: Vec<String> = near(name, names).into_iter().map(|name| format!("`{}`", Quoted(name))).collect();
    match near.as_slice() {
        [] => None,
        [one] => Some(format!("{one} has a similar name")),
        [most @ .., last] => Some(format!("{} and {last} have similar names", most.join(", "))),
    }
}

/// How many characters must be inserted, deleted, replaced or swapped with their neighbour, in any case, to get from one to the
/// other (optimal string alignment, after Damerau, 1964).
fn distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|name| name.to_lowercase().chars().collect::<Vec<char>>());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { least.min(table[i - 2][j - 2] + 1) } else { least }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_not_compared() {
        let long = "x".repeat(COMPARED);
        assert_eq!(near(&long, [&*long]), [long.as_str()]);
        let longer = long + "x";
        assert!(near(&longer, [&*longer]).is_empty());
    }

    #[test]
    fn only_names_that_need_quotes_get_them() {
        let table = [
            ("cpu", "cpu"),
            ("a.b_2", "a.b_2"),
            ("l.in", "l.in"),
            ("end", "end"),
            ("in", "\"in\""),
            ("IN", "\"IN\""),
            ("in.x", "\"in.x\""),
            ("late", "\"late\""),
            ("2nd", "\"2nd\""),
            ("a..b", "\"a..b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("żółw", "\"żółw\""),
        ];
        for (name, written) in table {
            assert_eq!(Quoted(name).to_string(), written);
        }
    }

    #[test]
    fn near_names_are_found_and_others_are_not() {
        assert_eq!(near("cpu_utl", ["mem", "cpu_util", "cpu"]), ["cpu_util"]);
        assert_eq!(near("AVG", ["avg", "max"]), ["avg"]);
        assert_eq!(near("agv", ["avg", "max"]), ["avg"]);
        assert!(near("x", ["load", "memory"]).is_empty());
        assert_eq!(near_help("cpus", ["cpu", "cpu2", "gpu"]).unwrap(), "`cpu` and `cpu2` have similar names");
    }
}
