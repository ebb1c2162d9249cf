//! Operators: read [`installed`] (a component that is here), [`catalog`] (the operators that these export, and how expressions are bound
//! to them), [`components`] (their files) and [`building`] (whose component is built next); [`limits`] is what their instances may use.

pub(crate) mod building;
pub(crate) mod catalog;
pub(crate) mod components;
pub(crate) mod installed;
pub(crate) mod limits;
