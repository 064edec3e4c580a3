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
type GroupKey = (GapKind, Vec<u8>, &'static str);

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

    /// Adds the gap that an evidence file leaves, if it leaves one.
    pub(super) fn add_evidence(&mut self, evidence: &Evidence, path: &[u8], content: Option<u32>) {
        match &evidence.finding {
            Finding::Unread => {
                // Names of one and the same file (git has a hundred) are one gap.
                if content.is_some_and(|content| !self.contents.insert(content)) {
                    return;
                }
                self.group(
                    evidence.class.gap_kind(),
                    path,
                    evidence.class.unread_reason(),
                );
            }
            Finding::Damaged(reason) => self.gaps.push(Gap {
                kind: evidence.class.gap_kind(),
                path: display(path),
                reason: reason.clone(),
            }),
            _ => {}
        }
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
                    reason: reason.to_owned(),
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

    fn group(&mut self, kind: GapKind, path: &[u8], reason: &'static str) {
        let mut directory = split(path).0;
        if reason == Class::PacmanRecord.unread_reason() {
            directory = split(directory).0;
        }
        self.groups
            .entry((kind, directory.to_vec(), reason))
            .or_default()
            .push(path.to_vec());
    }
}
