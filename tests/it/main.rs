//! One binary for every test that looks at the whole workspace or at running programs.
//!
//! `real` holds what needs real servers; `tests/run` runs that too.

#[cfg(test)]
mod azure_template;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod hosted;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod integrations;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod real;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod sysdig;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod usage;
mod watching_health;
