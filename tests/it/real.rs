//! What needs real servers; `tests/run` runs it.

mod acr;
mod artifactory;
mod bills;
mod conformance;
mod datadog;
mod deploy;
mod discovery;
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
mod rules;
mod sample;
mod sweeps;
mod trouble;
mod unchanged;
