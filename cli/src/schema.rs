//! Schemas on the command line: `host utf8, value float64`.

use std::str::FromStr;

use dag_api::Column;
use dag_model::Type;

/// The columns of a stream, besides the time.
#[derive(Clone, Debug)]
pub struct SchemaArg(pub Vec<Column>);

impl FromStr for SchemaArg {
    type Err = String;

    fn from_str(text: &str) -> Result<SchemaArg, String> {
        text.split(',').map(column).collect::<Result<_, _>>().map(SchemaArg)
    }
}

fn column(text: &str) -> Result<Column, String> {
    let text = text.trim();
    let Some((name, ty)) = text.rsplit_once(char::is_whitespace) else {
        return Err(format!("expected a column's name and type, such as `value float64`, found `{text}`"));
    };
    if Type::from_name(ty).is_none() {
        let known = Type::ALL.map(Type::name).join(", ");
        return Err(format!("unknown type `{ty}` of column {}: expected one of {known}", name.trim()));
    }
    Ok(Column { name: unquoted(name.trim()).to_owned(), ty: ty.to_owned() })
}

/// A name without the double quotes that expressions need around dashes and spaces.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_names_and_types() {
        let SchemaArg(columns) = r#"host utf8, "cpu load" float64"#.parse().unwrap();
        let columns: Vec<_> = columns.iter().map(|column| (column.name.as_str(), column.ty.as_str())).collect();
        assert_eq!(columns, [("host", "utf8"), ("cpu load", "float64")]);
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_known_ones() {
        let error = "host utf8, value float".parse::<SchemaArg>().unwrap_err();
        assert_eq!(
            error,
            "unknown type `float` of column value: expected one of boolean, int64, float64, utf8, binary, timestamp"
        );
    }

    #[test]
    fn a_column_without_a_type_is_refused() {
        assert!("host".parse::<SchemaArg>().is_err());
        assert!("".parse::<SchemaArg>().is_err());
    }
}
