//! What an operator remembers, as columns, so that it survives a crash and moves between workers.

use crate::{Column, ColumnRef, Result, Type};

/// A state that can be laid out as one row of columns. [`state!`](crate::state!) writes this for a struct of
/// [`Cell`](crate::Cell)s.
pub trait State: Clone + Default + 'static {
    /// The columns' types; never changed without a new state version.
    fn columns() -> Vec<Type>;

    /// Appends one value to each column.
    fn save(&self, columns: &mut [Column]);

    /// Reads a row.
    ///
    /// # Errors
    /// If the columns are not what [`columns`](State::columns) says, or one is null that must not be.
    fn load(columns: &[ColumnRef<'_>], row: usize) -> Result<Self>;
}

/// Lays out states as columns, in order.
pub fn save_all<'a, S: State>(states: impl IntoIterator<Item = &'a S>) -> Vec<Column> {
    let mut columns: Vec<_> = S::columns().into_iter().map(Column::empty).collect();
    states.into_iter().for_each(|state| state.save(&mut columns));
    columns
}

/// Checks that these are the columns that [`save_all`] makes.
///
/// # Errors
/// If their number or types differ.
pub fn check_columns<S: State>(columns: &[ColumnRef<'_>]) -> Result {
    let (expected, found) = (S::columns(), columns.iter().map(ColumnRef::ty).collect::<Vec<_>>());
    if expected == found { Ok(()) } else { Err(format!("saved state has columns {found:?}, expected {expected:?}")) }
}

/// Declares a struct that is a [`State`]: its fields are [`Cell`](crate::Cell)s, its default is what a new slot or key has.
///
/// ```
/// dag_guest::state! {
///     /// Sum and count of the values so far.
///     pub struct Mean { sum: f64, count: i64 }
/// }
/// assert_eq!(Mean::default().count, 0);
/// ```
#[macro_export]
macro_rules! state {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident $(<$generic:ident: $bound:path>)? {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        $vis struct $name $(<$generic: $bound>)? {
            $($(#[$field_meta])* $field_vis $field: $ty,)*
        }

        impl $(<$generic: $bound>)? $crate::State for $name $(<$generic>)? {
            fn columns() -> ::std::vec::Vec<$crate::Type> {
                ::std::vec![$(<$ty as $crate::Cell>::TYPE),*]
            }

            fn save(&self, columns: &mut [$crate::Column]) {
                let mut columns = columns.iter_mut();
                $(columns.next().expect("one column per field").push($crate::Cell::to_value(&self.$field));)*
            }

            fn load(columns: &[$crate::ColumnRef<'_>], row: usize) -> $crate::Result<Self> {
                let mut columns = columns.iter();
                ::std::result::Result::Ok(Self {
                    $($field: {
                        let column = columns.next().ok_or("saved state has too few columns")?;
                        $crate::Cell::from_value(column.value(row))
                            .ok_or(concat!("saved state has a wrong `", stringify!($field), "`"))?
                    },)*
                })
            }
        }
    };
}
