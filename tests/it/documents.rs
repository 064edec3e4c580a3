//! What stands in the documents: that it is true, and that all there is stands there.

mod behaviour;
mod command_line;
mod completions;
mod configuration;
mod links;
mod metrics;
mod migration;
mod page;
mod release;
mod usage;

pub(crate) use page::Page;
