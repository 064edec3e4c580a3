//! Gaps of an image in a form that people can read: many of one kind in one place become one.

use std::collections::{BTreeMap, HashSet};

use scout_envs::{Gap, GapKind};

use crate::analysis::{Evidence, Finding};
use crate::path::{display, split};
use crate::reader::Class;

/// Most gaps of one kind and directory that are named one by one.
const MAX_NAMED: usize = 3;
/// Most gaps of an image; one more says how many there were beyond.
const MAX_GAPS: usize = 100;

/// Kind, directory and reason.
type GroupKey = (GapKind, Vec<u8>, String);

#[derive(Default)]
pub(super) struct Gaps {
    gaps: Vec<Gap>,
    /// Unread files by kind, directory and reason.
    groups: BTreeMap<GroupKey, Vec<Vec<u8>>>,
    contents: HashSet<u32>,
}

impl Gaps {
    pub(super) fn add(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    pub(super) fn extend(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        self.gaps.extend(gaps);
    }

    pub(super) fn add_hard_link(&mut self, path: &[u8]) {
        self.group(
            GapKind::HardLink,
            path,
            "a hard link to content that was not read",
        );
    }

    /// Adds the gap of a file that was read in part.
    pub(super) fn add_incomplete(
        &mut self,
        class: Class,
        path: &[u8],
        content: Option<u32>,
        reason: &str,
    ) {
        self.group_content(class, path, content, &format!("read in part: {reason}"));
    }

    /// Adds the gap that an evidence file leaves, if it leaves one.
    pub(super) fn add_evidence(&mut self, evidence: &Evidence, path: &[u8], content: Option<u32>) {
        let reason = match &evidence.finding {
            Finding::Unread => evidence.class.unread_reason(),
            Finding::Damaged(reason) => reason,
            _ => return,
        };
        self.group_content(evidence.class, path, content, reason);
    }

    pub(super) fn finish(mut self) -> Vec<Gap> {
        for ((kind, directory, reason), paths) in std::mem::take(&mut self.groups) {
            if paths.len() > MAX_NAMED {
                self.gaps.push(Gap {
                    kind,
                    path: display(&directory),
                    reason: format!("{} files: {reason}", paths.len()),
                });
            } else {
                self.gaps.extend(paths.iter().map(|path| Gap {
                    kind,
                    path: display(path),
                    reason: reason.clone(),
                }));
            }
        }
        self.gaps.sort_unstable();
        self.gaps.dedup();
        let beyond = self.gaps.len().saturating_sub(MAX_GAPS);
        if beyond > 0 {
            let kind = self
                .gaps
                .get(MAX_GAPS)
                .map_or(GapKind::Layer, |gap| gap.kind);
            self.gaps.truncate(MAX_GAPS);
            self.gaps.push(Gap {
                kind,
                path: "/".to_owned(),
                reason: format!("and {beyond} more"),
            });
        }
        self.gaps
    }

    /// Adds a file to its group. Names of one and the same file (git has a hundred) are one gap.
    fn group_content(&mut self, class: Class, path: &[u8], content: Option<u32>, reason: &str) {
        if content.is_none_or(|content| self.contents.insert(content)) {
            self.group(class.gap_kind(), path, reason);
        }
    }

    fn group(&mut self, kind: GapKind, path: &[u8], reason: &str) {
        let directory = split(path).0;
        self.groups
            .entry((kind, directory.to_vec(), reason.to_owned()))
            .or_default()
            .push(path.to_vec());
    }
}
