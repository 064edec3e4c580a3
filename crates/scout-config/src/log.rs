//! The log: lines for people, or JSON, on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use clap::builder::ValueParserFactory;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::choice::Choice;
use crate::environment::Environment;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not a log format: text or json")),
        }
    }
}

impl ValueParserFactory for LogFormat {
    type Parser = Choice<Self, String>;

    fn value_parser() -> Self::Parser {
        Choice::new(&["text", "json"], str::parse)
    }
}

/// The log as the programs write it, to standard error; a program starts it with `init`.
///
/// `SCOUT_LOG` selects what is logged, as in `debug` or `scout_registry=trace`; the default is
/// `info`. Colors are for terminals but dumb ones, and not with `NO_COLOR`
/// (<https://no-color.org>).
#[must_use]
pub fn log(format: LogFormat, environment: &impl Environment) -> Box<dyn Subscriber + Send + Sync> {
    log_to(format, environment, std::io::stderr)
}

/// The same [`log`], through a writer that knows what else is on standard error.
#[must_use]
pub fn log_to<W>(
    format: LogFormat,
    environment: &impl Environment,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = environment
        .get("SCOUT_LOG")
        .and_then(|text| text.parse().ok());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(writer)
        .with_target(false)
        .with_ansi(has_colors(environment) && std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    }
}

fn has_colors(environment: &impl Environment) -> bool {
    let is_dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
    environment.get("NO_COLOR").is_none() && !is_dumb
}
