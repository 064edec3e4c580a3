//! The routes over a source in memory.

mod fake;
mod freshness;
mod health;
mod https;
mod metrics;
