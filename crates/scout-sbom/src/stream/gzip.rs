//! gzip with any number of members (eStargz has one a file). Zeros and other bytes behind the
//! last member are ignored, as gzip itself does.

use flate2::{Decompress, FlushDecompress, Status};

use super::codec::Fault;
use super::source::Source;
use crate::budget::Permit;

/// The window that every gzip stream may use, as a power of two.
const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip {
    member: Option<Decompress>,
    _permit: Permit,
}

impl Gzip {
    pub(super) fn matches(head: &[u8]) -> bool {
        head.starts_with(&[0x1f, 0x8b])
    }

    pub(super) fn new(permit: Permit) -> Self {
        Self {
            member: None,
            _permit: permit,
        }
    }

    pub(super) fn decode(
        &mut self,
        source: &mut Source<'_>,
        output: &mut [u8],
    ) -> Result<usize, Fault> {
        loop {
            let member = match &mut self.member {
                Some(member) => member,
                None if Self::matches(source.peek(2)?) => {
                    self.member.insert(Decompress::new_gzip(WINDOW_BITS))
                }
                None => return Ok(0),
            };
            let input = source.chunk()?;
            if input.is_empty() {
                return Err(Fault::Damaged(
                    "the gzip stream is cut off in the middle".to_owned(),
                ));
            }
            let (read, written) = (member.total_in(), member.total_out());
            let status = member
                .decompress(input, output, FlushDecompress::None)
                .map_err(|error| Fault::Damaged(format!("the gzip stream is invalid: {error}")))?;
            let consumed = (member.total_in() - read) as usize;
            let produced = (member.total_out() - written) as usize;
            source.consume(consumed);
            if status == Status::StreamEnd {
                self.member = None;
            } else if consumed == 0 && produced == 0 {
                return Err(Fault::Damaged(
                    "the gzip stream makes no progress".to_owned(),
                ));
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
    }
}
