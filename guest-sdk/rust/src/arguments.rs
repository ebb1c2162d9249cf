//! Arguments as a struct: [`arguments!`](crate::arguments!) declares its fields with their docs and defaults, once for
//! `describe` and for parsing.

use crate::{Argument, Parameter, Result};

/// What an operator takes besides its inputs. [`arguments!`](crate::arguments!) writes this.
pub trait Arguments: Sized {
    /// The parameters in declared order.
    fn parameters() -> Vec<Parameter>;

    /// Reads the arguments: a name and canonical text each, a repeated parameter once per argument. Those that are missing
    /// have their defaults.
    ///
    /// # Errors
    /// If one is missing that must be given, or its text is not what its parameter takes.
    fn parse(given: &[(String, String)]) -> Result<Self>;
}

/// No arguments at all.
impl Arguments for () {
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn parse(_: &[(String, String)]) -> Result<()> {
        Ok(())
    }
}

/// One parameter, for [`arguments!`](crate::arguments!).
#[doc(hidden)]
pub fn parameter<T: Argument>(name: &str, doc: &[&str], positional: bool, default: Option<&str>) -> Parameter {
    Parameter {
        name: name.to_owned(),
        kind: T::KIND,
        required: !T::OPTIONAL && default.is_none(),
        positional,
        repeated: T::REPEATED,
        default: default.map(str::to_owned),
        doc: doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned(),
    }
}

/// One field, for [`arguments!`](crate::arguments!).
#[doc(hidden)]
pub fn field<T: Argument>(given: &[(String, String)], name: &str, default: Option<&str>) -> Result<T> {
    let mut texts: Vec<_> = given.iter().filter(|(given, _)| given == name).map(|(_, text)| text.as_str()).collect();
    if texts.is_empty() {
        texts.extend(default);
    }
    T::read(&texts).map_err(|error| format!("{name}: {error}"))
}

/// Declares a struct of arguments. A field is `positional`, so that its name need not be given, or `named`; it must be given
/// unless it has a default (canonical text) or is an `Option`. Its doc comment is what `dag operators` shows.
///
/// ```
/// use dag_guest::{Arguments, Columns};
/// dag_guest::arguments! {
///     /// What `above` takes.
///     pub struct Limit {
///         /// Values over it count.
///         positional limit: f64,
///         /// How many in a row.
///         named times: i64 = "1",
///         /// The key.
///         named by: Option<Columns>,
///     }
/// }
/// let given = [("limit".to_owned(), "90".to_owned())];
/// assert_eq!(Limit::parse(&given).unwrap().times, 1);
/// assert_eq!(Limit::parameters()[1].doc, "How many in a row.");
/// ```
#[macro_export]
macro_rules! arguments {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $place:ident $field:ident: $ty:ty $(= $default:literal)?),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])* pub $field: $ty,)*
        }

        impl $crate::Arguments for $name {
            fn parameters() -> ::std::vec::Vec<$crate::Parameter> {
                ::std::vec![$($crate::arguments::parameter::<$ty>(
                    stringify!($field),
                    &[$($doc),*],
                    $crate::arguments!(@positional $place),
                    $crate::arguments!(@default $($default)?),
                )),*]
            }

            fn parse(given: &[(::std::string::String, ::std::string::String)]) -> $crate::Result<Self> {
                ::std::result::Result::Ok(Self {
                    $($field: $crate::arguments::field(
                        given,
                        stringify!($field),
                        $crate::arguments!(@default $($default)?),
                    )?,)*
                })
            }
        }
    };
    (@positional positional) => { true };
    (@positional named) => { false };
    (@default) => { ::std::option::Option::None };
    (@default $default:literal) => { ::std::option::Option::Some($default) };
}

arguments! {
    /// What most aggregates take.
    pub struct Of {
        /// The column to fold.
        named of: crate::ColumnName = "value",
    }
}
