//! Exit statuses, the same for every program.

use clap::error::ErrorKind;

/// Wrong usage, as in `sysexits.h`.
pub const USAGE: u8 = 64;

/// Returns the exit status for what the command line's parser said: 0 for help and version, else
/// [`USAGE`].
#[must_use]
pub fn usage_status(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => USAGE,
    }
}
