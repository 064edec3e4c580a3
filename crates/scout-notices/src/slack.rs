//! Messages for Slack's incoming webhooks, and for what understands the same.
//!
//! Limits and escaping are those of <https://docs.slack.dev/reference/block-kit/blocks> and
//! <https://docs.slack.dev/messaging/formatting-message-text>. All text that comes from images
//! and advisories goes through [`Text`], so none of it can mention a channel or make a link.

mod text;

use std::collections::BTreeMap;

use scout_envs::{OrgName, Severity};
use serde_json::{Value, json};

use crate::notice::{AffectedPackage, Batch, Event, NewVulnerability, Notice};
use text::Text;

/// Most blocks of one message, as documented.
pub const MAX_SLACK_BLOCKS: usize = 50;
/// Longest text of a section, in characters, as documented.
pub const MAX_SLACK_SECTION: usize = 3_000;
/// Longest top-level text, in characters: beyond it Slack advises against; it cuts at 40,000.
pub const MAX_SLACK_TEXT: usize = 4_000;

/// Longest text of a header, in characters, as documented.
const MAX_HEADER: usize = 150;
/// Longest text of all blocks together, in characters. Slack documents no such limit but answers
/// `msg_blocks_too_long` from about 13,000
/// (<https://github.com/slackapi/bolt-js/issues/2509>).
const MAX_BLOCK_TEXT: usize = 8_000;
/// Most repositories that have a section of their own: a message of more is not read.
const MAX_REPOSITORIES: usize = 12;
/// Most lines of one repository.
const MAX_LINES: usize = 8;
/// Longest line, in characters before escaping, which makes at most five of one.
const MAX_LINE: usize = 240;
/// Most packages that a line names.
const MAX_LINE_PACKAGES: usize = 2;
/// Longest name or version in a line, in characters.
const MAX_NAME: usize = 60;
/// Longest name of a repository, in characters; OCI allows 255 with its registry.
const MAX_REPOSITORY: usize = 255;
/// Kept of the top-level text for what is left out, in characters.
const TEXT_RESERVE: usize = 100;

/// Returns the message that tells of the batch, as JSON.
///
/// `blocks` is what Slack shows; `text` is what it notifies of, and what others show that know no
/// blocks. Repositories stand in the order of what is worst in them; what has no room is counted.
#[must_use]
pub fn slack(batch: &Batch) -> Vec<u8> {
    let groups = groups(&batch.notices);
    let title = format!("Scout: {}", batch.summary());
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": Text::escaped(&title, MAX_HEADER).into_string()},
    })];
    let mut room = MAX_BLOCK_TEXT;
    let mut told = 0;
    let mut text = Text::escaped(&title, MAX_HEADER);
    for group in groups.iter().take(MAX_REPOSITORIES) {
        let section = group.section();
        if section.chars() > room {
            break;
        }
        room -= section.chars();
        told += group.notices.len();
        if text.chars() + section.chars() + TEXT_RESERVE <= MAX_SLACK_TEXT {
            text.push_line(section.as_str());
        }
        blocks.push(block("section", section.as_str()));
    }
    let rest = batch.notices.len() - told;
    if let Some(left_out) = left_out(rest, batch.dropped) {
        text.push_line(&left_out);
        blocks.push(context(&left_out));
    }
    blocks.push(context(&format!(
        "Organization {}",
        short(batch.org.as_str())
    )));
    message(&text.into_string(), &blocks)
}

/// Returns the message of the test call, as JSON.
pub(crate) fn test(org: &OrgName) -> Vec<u8> {
    let text = format!(
        "Scout: this is a test. New critical and high vulnerabilities and failed policies of \
         organization {} are told here.",
        short(org.as_str())
    );
    message(&text, &[block("section", &text)])
}

fn message(text: &str, blocks: &[Value]) -> Vec<u8> {
    json!({ "text": text, "blocks": blocks })
        .to_string()
        .into_bytes()
}

fn block(kind: &str, text: &str) -> Value {
    json!({ "type": kind, "text": mrkdwn(text) })
}

fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [mrkdwn(text)] })
}

/// `verbatim` keeps Slack from making links and mentions of what looks like them.
fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

fn left_out(rest: usize, dropped: u64) -> Option<String> {
    let more = (rest > 0).then(|| format!("… and {rest} more in other repositories"));
    let lost = (dropped > 0)
        .then(|| format!("{dropped} older notices were dropped, because too many waited"));
    let parts: Vec<_> = more.into_iter().chain(lost).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What happened in one repository, the worst first.
struct Group<'a> {
    repository: &'a str,
    notices: Vec<&'a Notice>,
}

fn groups(notices: &[Notice]) -> Vec<Group<'_>> {
    let mut by_repository: BTreeMap<&str, Vec<&Notice>> = BTreeMap::new();
    for notice in notices {
        by_repository
            .entry(&notice.repository)
            .or_default()
            .push(notice);
    }
    let mut groups: Vec<_> = by_repository
        .into_iter()
        .map(|(repository, mut notices)| {
            notices.sort_by_key(|notice| notice.rank());
            Group {
                repository,
                notices,
            }
        })
        .collect();
    // How many there are of each rank, the worst rank first; ties stay in the order of names.
    let weight = |group: &Group<'_>| {
        let count = |rank| {
            group
                .notices
                .iter()
                .filter(|one| one.rank() == rank)
                .count()
        };
        [0, 1, 2, 3].map(count)
    };
    groups.sort_by_cached_key(|group| std::cmp::Reverse(weight(group)));
    groups
}

impl Group<'_> {
    fn section(&self) -> Text {
        let mut text = Text::default();
        text.push(&format!("*`{}`*", code(self.repository, MAX_REPOSITORY)));
        // The newest notice speaks of the newest image.
        if let Some(newest) = self.notices.iter().max_by_key(|notice| notice.at) {
            if let Some(tag) = newest.tags.first() {
                text.push(&format!(" tag `{}`", code(tag.as_str(), 128)));
            }
            let digest: String = newest.digest.as_str().chars().take(19).collect();
            text.push(&format!(" `{digest}`"));
        }
        for notice in self.notices.iter().take(MAX_LINES) {
            let line = line(notice);
            if text.chars() + line.chars() + TEXT_RESERVE > MAX_SLACK_SECTION {
                break;
            }
            text.push_line(line.as_str());
        }
        let rest = self.notices.len() - text.lines();
        if rest > 0 {
            text.push_line(&format!("… and {rest} more"));
        }
        text
    }
}

fn line(notice: &Notice) -> Text {
    let mut line = Text::default();
    match &notice.event {
        Event::Vulnerability(vulnerability) => {
            line.push(&format!(
                "• {} `{}`",
                severity(vulnerability.severity),
                code(vulnerability.vulnerability.as_str(), MAX_NAME)
            ));
            line.push_escaped(&where_it_is(vulnerability), MAX_LINE);
        }
        Event::Policy(policy) => {
            line.push("• Policy violated: ");
            let mut words = policy.display_name.clone();
            if let Some(reason) = policy.reasons.first() {
                words += &format!(": {reason}");
            }
            let more = policy.more_reasons + policy.reasons.len().saturating_sub(1) as u64;
            line.push_escaped(&words, MAX_LINE);
            if more > 0 {
                line.push(&format!(" (and {more} more)"));
            }
        }
    }
    line
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "*Critical*",
        Severity::High => "High",
        other => other.as_str(),
    }
}

/// The packages, what fixes it, and what makes it urgent.
fn where_it_is(vulnerability: &NewVulnerability) -> String {
    let packages = &vulnerability.packages;
    let named: Vec<_> = packages
        .iter()
        .take(MAX_LINE_PACKAGES)
        .map(package)
        .collect();
    let mut words = match named.is_empty() {
        true => String::new(),
        false => format!(" in {}", named.join(", ")),
    };
    let more = vulnerability.more_packages + packages.len().saturating_sub(named.len()) as u64;
    if more > 0 {
        words += &format!(" and {more} more");
    }
    if vulnerability.known_exploited {
        words += ", known to be exploited";
    }
    match vulnerability.in_use {
        Some(true) => words += ", in use",
        Some(false) => words += ", not seen in use",
        None => {}
    }
    words
}

fn package(package: &AffectedPackage) -> String {
    let fix = match package.fixed_versions.first() {
        Some(version) => format!("fixed in {}", short(version)),
        None => "no fix known".to_owned(),
    };
    format!(
        "{} {} ({fix})",
        short(&package.name),
        short(&package.version)
    )
}

fn short(text: &str) -> String {
    text::plain(text, MAX_NAME)
}

/// Returns text that may stand between backticks, escaped.
fn code(value: &str, limit: usize) -> String {
    Text::escaped(&value.replace('`', "'"), limit).into_string()
}

#[cfg(test)]
mod tests;
