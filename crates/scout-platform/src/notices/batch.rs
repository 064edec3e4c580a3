//! From what waits for a channel to one message.

use std::collections::BTreeMap;

use scout_envs::OrgName;
use scout_notices::{Batch, Notice, Selection};
use scout_store::{NoticeId, PendingNotice, Standings};

/// A message, and which notice is the last that the channel is done with once it arrived.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) batch: Batch,
    pub(super) last: Option<NoticeId>,
}

/// Chooses what to tell, of `pending` the oldest first.
///
/// Left out is what the channel does not want; what stands no more, because a newer image mended
/// it or the finding was withdrawn; and all but the newest notice of a repository and subject.
pub(super) fn prepare(
    (org, pending, dropped): (&OrgName, Vec<PendingNotice>, u64),
    standings: &Standings,
    (selection, limit): (&Selection, usize),
) -> Prepared {
    let mut newest = BTreeMap::new();
    for one in &pending {
        newest.insert((one.notice.repository, one.notice.subject.clone()), one.id);
    }
    let mut batch = Batch {
        org: org.clone(),
        notices: Vec::new(),
        dropped,
    };
    let mut last = None;
    for one in pending {
        let notice = one.notice;
        let is_newest = newest.get(&(notice.repository, notice.subject.clone())) == Some(&one.id);
        let standing = standings.repositories.get(&notice.repository);
        let stands = standing.is_some_and(|standing| {
            let level = standing.subjects.get(&notice.subject);
            standing.is_present && level.is_some_and(|level| level.now > 0)
        });
        if is_newest
            && stands
            && let Some(told) = told(&notice.body)
            && selection.selects(&told)
        {
            if batch.notices.len() == limit {
                break;
            }
            batch.notices.push(told);
        }
        last = Some(one.id);
    }
    Prepared { batch, last }
}

/// Reads a notice as it was recorded; one that a newer release wrote in another way is left out.
fn told(body: &str) -> Option<Notice> {
    serde_json::from_str(body)
        .inspect_err(|error| tracing::warn!("a recorded notice cannot be read: {error}"))
        .ok()
}
