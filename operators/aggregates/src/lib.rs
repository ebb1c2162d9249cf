//! The standard aggregates: `count sum avg min max first last stddev`.
//!
//! Nulls are skipped, and without a value there is no result. NaN is a value: `sum`, `avg` and `stddev` of it are NaN, and it
//! is greater than every other number, as in PostgreSQL. Sums fold one value after another in log order; nothing is ever
//! subtracted. Read [`avg`] first: it is the shortest.

/// Binds the generic fold that keeps a value of the column's own type.
macro_rules! fold_own_type {
    ($fold:ident, $input:expr, $column:expr) => {{
        let (input, column): (&::dag_guest::Schema, &str) = ($input, $column);
        match input.find(column).map(|(_, ty)| ty) {
            Some(::dag_guest::Type::Boolean) => ::dag_guest::Bound::fold::<$fold<bool>>(input, column),
            Some(::dag_guest::Type::Int64) => ::dag_guest::Bound::fold::<$fold<i64>>(input, column),
            Some(::dag_guest::Type::Utf8) => ::dag_guest::Bound::fold::<$fold<String>>(input, column),
            Some(::dag_guest::Type::Binary) => ::dag_guest::Bound::fold::<$fold<Vec<u8>>>(input, column),
            Some(::dag_guest::Type::Timestamp) => {
                ::dag_guest::Bound::fold::<$fold<::dag_guest::Timestamp>>(input, column)
            }
            // Where there is no such column, binding any of them says so.
            Some(::dag_guest::Type::Float64) | None => ::dag_guest::Bound::fold::<$fold<f64>>(input, column),
        }
    }};
}

pub mod avg;
pub mod count;
pub mod extreme;
pub mod first_last;
pub mod stddev;
pub mod sum;

use avg::Avg;
use count::Count;
use extreme::{Max, Min};
use first_last::{First, Last};
use stddev::Stddev;
use sum::Sum;

dag_guest::export_aggregates!(
    component = "aggregates",
    version = env!("CARGO_PKG_VERSION"),
    [Count, Sum, Avg, Min, Max, First, Last, Stddev],
);
