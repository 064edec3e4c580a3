//! What needs real servers; `tests/run` runs it.

mod acr;
mod artifactory;
mod conformance;
mod deploy;
mod documents;
mod faults;
mod findings;
mod fixture;
mod kills;
mod notifications;
mod packages;
mod parsers;
mod progress;
mod prometheus;
mod pushes;
mod sweeps;
mod trouble;
mod unchanged;
