//! Reading a server's metrics politely: when to ask, what answers mean, and what is kept on disk.
//!
//! Pure: time, chance and bytes are arguments. Who reads, sleeps and writes uses these rules.

mod fingerprint;
mod pace;
mod problem;
mod saved;
mod schedule;

pub use fingerprint::{InvalidFingerprint, TokenFingerprint};
pub use pace::{MAX_RETRY_AFTER, Pace};
pub use problem::Problem;
pub use saved::{InvalidSaved, MAX_META_BYTES, decode_saved, encode_saved};
pub use schedule::{Schedule, ScheduleState, Standing};
