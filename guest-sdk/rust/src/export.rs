//! The macros that make a crate a component.

/// Makes the crate a component of aggregates: call it once, with the component's name, its version and its operators.
///
/// Natively it only defines the component, so that the crate's tests run without WebAssembly.
///
/// ```
/// use dag_guest::{About, Fold, Operator, Present, Result, Timestamp, component::Aggregates as _};
///
/// dag_guest::state! {
///     struct Rows { count: i64 }
/// }
///
/// impl Operator for Rows {
///     const ABOUT: About = About { name: "rows", doc: "How many values.", example: "rows(cpu_util, 5min)" };
/// }
///
/// impl Fold for Rows {
///     type Value = Present;
///     type Result = i64;
///
///     fn update(&mut self, _: &Present, _: Timestamp) -> Result {
///         self.count += 1;
///         Ok(())
///     }
///     fn combine(&mut self, later: &Rows) -> Result {
///         self.count += later.count;
///         Ok(())
///     }
///     fn result(&self) -> Option<i64> {
///         Some(self.count)
///     }
/// }
///
/// dag_guest::export_aggregates!(component = "my-aggregates", version = "1.0.0", [Rows]);
/// # fn main() {
/// assert_eq!(Component::entries()[0].signature().about.name, "rows");
/// # }
/// ```
#[macro_export]
macro_rules! export_aggregates {
    (component = $name:expr, version = $version:expr, [$($operator:ty),* $(,)?] $(,)?) => {
        /// This crate's component.
        #[derive(Clone, Copy, Debug)]
        pub struct Component;

        impl $crate::component::Aggregates for Component {
            const NAME: &'static str = $name;
            const VERSION: &'static str = $version;

            fn entries() -> ::std::vec::Vec<$crate::component::AggregateEntry> {
                ::std::vec![$($crate::component::AggregateEntry::new::<$operator>()),*]
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::wasm::aggregate::export_aggregate!(Component with_types_in $crate::wasm::aggregate);
    };
}

/// Makes the crate a component of transforms; as [`export_aggregates!`](crate::export_aggregates!) otherwise.
///
/// ```
/// use dag_guest::{About, Input, Inputs, Opened, Operator, Output, Result, Transform};
///
/// struct Same;
///
/// impl Operator for Same {
///     const ABOUT: About = About { name: "same", doc: "Its input.", example: "same(cpu_util)" };
/// }
///
/// impl Transform for Same {
///     type Arguments = ();
///
///     fn open((): (), inputs: &[Input]) -> Result<Opened<Same>> {
///         Ok(Opened::stateless(Same, inputs[0].schema.clone()))
///     }
///     fn process(&mut self, inputs: &Inputs, out: &mut Output) -> Result {
///         out.append(inputs.first().columns().iter().map(|column| column.to_column()).collect());
///         Ok(())
///     }
/// }
///
/// dag_guest::export_transforms!(component = "my-transforms", version = "1.0.0", [Same]);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_transforms {
    (component = $name:expr, version = $version:expr, [$($operator:ty),* $(,)?] $(,)?) => {
        /// This crate's component.
        #[derive(Clone, Copy, Debug)]
        pub struct Component;

        impl $crate::component::Transforms for Component {
            const NAME: &'static str = $name;
            const VERSION: &'static str = $version;

            fn entries() -> ::std::vec::Vec<$crate::component::TransformEntry> {
                ::std::vec![$($crate::component::TransformEntry::new::<$operator>()),*]
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::wasm::transform::export_transform!(Component with_types_in $crate::wasm::transform);
    };
}
