//! The three operators that every language has, in Rust: [`avg`] folds, [`ema`] remembers, [`sessions`] holds. `wit/examples.md` says what they do.

pub mod avg;
pub mod ema;
pub mod sessions;

/// A component may have operators of both worlds: its name and version are the same in both.
pub mod aggregates {
    dag_guest::export_aggregates!(component = "examples-rust", version = env!("CARGO_PKG_VERSION"), [crate::avg::Avg]);
}

/// See [`aggregates`].
pub mod transforms {
    dag_guest::export_transforms!(
        component = "examples-rust",
        version = env!("CARGO_PKG_VERSION"),
        [crate::ema::Ema, crate::sessions::Sessions],
    );
}
