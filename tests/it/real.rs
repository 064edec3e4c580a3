//! What needs real servers; `tests/run` runs it.

mod faults;
mod findings;
mod fixture;
mod kills;
mod packages;
mod prometheus;
mod sweeps;
mod trouble;
