//! Schedules that once broke a careless design, written out step by step, each under its number where it has one.

mod critical;
mod high;
mod kit;
mod medium;
mod rules;
