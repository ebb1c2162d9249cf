//! The grammar: text to a tree that says nothing of meaning yet.
//!
//! ```text
//! expression  = or
//! or          = and { "or" and }
//! and         = not { "and" not }
//! not         = "not" not | comparison
//! comparison  = sum [ ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") sum
//!                   | ["not"] "like" sum
//!                   | ["not"] "in" "(" expression { "," expression } ")"
//!                   | ["not"] "between" sum "and" sum
//!                   | "is" ["not"] "null" ]
//! sum         = product { ("+" | "-") product }
//! product     = sign { ("*" | "/" | "%") sign }
//! sign        = "-" sign | primary { tags }
//! primary     = name | number | duration | text | "true" | "false" | "null"
//!             | name "(" [ argument { "," argument } ] ")"
//!             | "(" expression { "," expression } ")"
//!             | "case" [ expression ] "when" expression "then" expression { "when" ... } [ "else" expression ] "end"
//!             | "cast" "(" expression "as" name ")"
//! argument    = [ name "=" ] ( "*" | expression ) [ "as" name ]
//! tags        = "{" name "=" value { "," name "=" value } "}"
//!
//! name        = part { "." part }
//! part        = [A-Za-z_] [A-Za-z0-9_]*  |  '"' any, with '""' for a quote '"'
//! number      = digits [ "." digits ] [ ("e" | "E") [ "+" | "-" ] digits ]
//! duration    = digits [ "." digits ] unit { digits [ "." digits ] unit }, a space before a first unit of three letters or more
//! text        = "'" any, with "''" for a quote "'"
//! value       = text | '"' any '"' | any but "," and "}", without the space around it
//! ```
//!
//! Words are in any case, names exact. `name = value` as an argument is read twice: as a named argument, whose value is the whole
//! rest, and as an equality; binding chooses.
//!
//! Read `ast`, then `lexer` and [`parser`]. [`name`], [`duration`] and [`number`] are what names and literals look like, both ways.

pub(crate) mod ast;
pub mod duration;
pub(crate) mod lexer;
pub mod name;
pub mod number;
pub mod parser;
