//! Functions of text.

use dag_frame::{Column, ColumnRef, Type, Value, bitmap};

use crate::scalar::function::Function;
use crate::scalar::like;
use crate::scalar::logic::Truth;
use crate::scalar::vector::{Vector, len, validity};

/// `value like pattern`
pub(crate) fn like(value: &Vector, pattern: &Vector, rows: usize) -> Truth {
    let len = len(rows, &[value, pattern]);
    let (texts, patterns) = (value.bytes(), pattern.bytes());
    let holds: Vec<bool> = (0..len).map(|row| like::matches(texts.get(row), patterns.get(row))).collect();
    Truth::new(len, bitmap::pack(&holds), validity(len, &[value, pattern]))
}

/// `lower`, `upper`, `length`, `substr`, `contains`, `concat`
pub(crate) fn call(function: Function, arguments: &[&Vector], rows: usize) -> Column {
    let len = len(rows, arguments);
    let views: Vec<ColumnRef> = arguments.iter().map(|argument| argument.view()).collect();
    let value = |argument: usize, row| views[argument].value(arguments[argument].index(row));
    let text = |argument, row| if let Value::Utf8(text) = value(argument, row) { Some(text) } else { None };
    let integer = |argument, row| if let Value::Int64(number) = value(argument, row) { Some(number) } else { None };
    match function {
        Function::Lower => Column::utf8((0..len).map(|row| Some(text(0, row)?.to_lowercase()))),
        Function::Upper => Column::utf8((0..len).map(|row| Some(text(0, row)?.to_uppercase()))),
        Function::Length if arguments[0].ty() == Type::Binary => {
            let bytes = |value| if let Value::Binary(bytes) = value { Some(bytes.len() as i64) } else { None };
            Column::int64((0..len).map(|row| bytes(value(0, row))))
        }
        Function::Length => Column::int64((0..len).map(|row| Some(text(0, row)?.chars().count() as i64))),
        Function::Substr => Column::utf8((0..len).map(|row| {
            let count = if arguments.len() > 2 { integer(2, row)? } else { i64::MAX };
            Some(substr(text(0, row)?, integer(1, row)?, count))
        })),
        Function::Contains => Column::boolean((0..len).map(|row| Some(text(0, row)?.contains(text(1, row)?)))),
        _ => Column::utf8(
            (0..len).map(|row| (0..arguments.len()).map(|argument| text(argument, row)).collect::<Option<String>>()),
        ),
    }
}

/// The characters from `start` on, the first being 1, and before `start + count`.
fn substr(text: &str, start: i64, count: i64) -> &str {
    let skipped = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    let end = usize::try_from(start.saturating_add(count).saturating_sub(1)).unwrap_or(0);
    let offset = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
    let from = offset(skipped);
    if end <= skipped { "" } else { &text[from..offset(end)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substr_counts_characters_from_one() {
        let table = [
            (1, 2, "żó"),
            (2, i64::MAX, "ółw"),
            (4, 9, "w"),
            (5, 1, ""),
            (0, 2, "ż"),
            (-5, 7, "ż"),
            (2, 0, ""),
            (2, -3, ""),
            (i64::MIN, i64::MAX, ""),
            (i64::MAX, i64::MAX, ""),
        ];
        for (start, count, expected) in table {
            assert_eq!(substr("żółw", start, count), expected, "substr({start}, {count})");
        }
    }
}
