//! SPDX 2: the part of the format that we write and read
//! (<https://spdx.github.io/spdx-spec/v2.3/>).

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// What SPDX writes where nothing is said.
const NO_ASSERTION: &str = "NOASSERTION";
const PURPOSE_CONTAINER: &str = "CONTAINER";
const PURPOSE_SYSTEM: &str = "OPERATING-SYSTEM";
