//! Values of flags that shells complete.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

/// Reads a value with a function of its own, whose errors say what to write, and tells shells which
/// values there are.
#[derive(Clone, Copy, Debug)]
#[allow(
    unnameable_types,
    reason = "clap asks for the type of a parser, and nobody writes it"
)]
pub struct Choice<T, E> {
    names: &'static [&'static str],
    read: fn(&str) -> Result<T, E>,
}

impl<T, E> Choice<T, E> {
    /// Reads with `read`; `names` are all that it takes.
    pub(crate) fn new(names: &'static [&'static str], read: fn(&str) -> Result<T, E>) -> Self {
        Self { names, read }
    }
}

impl<T, E> TypedValueParser for Choice<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        flag: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.read.parse_ref(command, flag, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}
