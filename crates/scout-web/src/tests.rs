//! The routes over a source in memory.

mod discovery;
mod extended;
mod fake;
mod freshness;
mod health;
mod https;
mod metrics;
mod scraping;
mod tokens;
