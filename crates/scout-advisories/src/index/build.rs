//! From dumps to loaded feeds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scout_envs::Ecosystem;

use super::feed::{Affected, Feed, Record};
use super::module::{is_modular_build, streams_in};
use super::range::{Event, Range};
use super::strings::{Interner, StringId};
use crate::dump::{FeedReader, ReadFailure};
use crate::ecosystem::release_of;
use crate::identity::{AliasGraph, announces_vulnerability, is_mere_notice, own_cves};
use crate::key::normalized_python_name;
use crate::limits::LoadLimits;
use crate::osv;
use crate::rating::Rating;
use crate::report::{FeedInfo, LoadReport, Problem};
use crate::version::Order;

/// Loads these dumps; each is named by its ecosystem.
pub(super) fn load(
    dumps: Vec<(String, PathBuf)>,
    limits: LoadLimits,
) -> (BTreeMap<String, Feed>, LoadReport) {
    let mut report = LoadReport::default();
    let mut builders = Vec::new();
    for (ecosystem, path) in dumps {
        let mut builder = Builder::new(ecosystem);
        let outcome = builder.read(&path, limits);
        report.more_problems += builder.more_problems;
        report.problems.append(&mut builder.problems);
        match outcome {
            Ok(()) => builders.push(builder),
            Err(ReadFailure(reason)) => report.problems.push(Problem {
                ecosystem: builder.info.ecosystem,
                file: path.display().to_string(),
                reason,
            }),
        }
    }
    resolve_aliases(&mut builders);
    let mut feeds = BTreeMap::new();
    for builder in builders {
        let (info, feed) = builder.finish();
        feeds.insert(info.ecosystem.clone(), feed);
        report.feeds.push(info);
    }
    (feeds, report)
}

/// Gives the records without a CVE of their own their vulnerabilities; aliases may lead from one
/// feed to another.
fn resolve_aliases(builders: &mut [Builder]) {
    let mut graph = AliasGraph::default();
    let mut origins = Vec::new();
    for (feed, builder) in builders.iter().enumerate() {
        for (record, link) in builder.links.iter().enumerate() {
            graph.add(&link.id, &link.aliases, &link.cves);
            origins.push((feed, record));
        }
    }
    for (position, vulnerabilities) in graph.resolved() {
        if let Some((feed, record)) = origins.get(position)
            && let Some(link) = builders
                .get_mut(*feed)
                .and_then(|builder| builder.links.get_mut(*record))
        {
            link.cves = vulnerabilities;
        }
    }
}

/// What decides a record's vulnerabilities; after resolving, `cves` holds their keys.
#[derive(Debug)]
struct Link {
    id: String,
    aliases: Vec<String>,
    cves: Vec<String>,
}

#[derive(Debug)]
struct Builder {
    info: FeedInfo,
    order: Order,
    interner: Interner,
    records: Vec<Record>,
    /// One for each record.
    links: Vec<Link>,
    /// With the package's name.
    affected: Vec<(StringId, Affected)>,
    releases: BTreeSet<String>,
    problems: Vec<Problem>,
    more_problems: u64,
}

impl Builder {
    fn new(ecosystem: String) -> Self {
        Self {
            order: Order::of(&ecosystem),
            info: FeedInfo {
                ecosystem,
                releases: Vec::new(),
                records: 0,
                withdrawn: 0,
                not_vulnerabilities: 0,
                unreadable: 0,
                newest_modified: None,
                fingerprint: String::new(),
            },
            interner: Interner::default(),
            records: Vec::new(),
            links: Vec::new(),
            affected: Vec::new(),
            releases: BTreeSet::new(),
            problems: Vec::new(),
            more_problems: 0,
        }
    }

    fn read(&mut self, path: &Path, limits: LoadLimits) -> Result<(), ReadFailure> {
        let mut reader = FeedReader::open(path, limits)?;
        reader.fingerprint().clone_into(&mut self.info.fingerprint);
        while let Some(entry) = reader.next()? {
            let record = entry.content.and_then(|json| {
                serde_json::from_slice::<osv::Record>(&json).map_err(|error| error.to_string())
            });
            let added = match record {
                Ok(record) if record.id.is_empty() => Err("has no id".to_owned()),
                Ok(record) => self
                    .add(&record)
                    .ok_or_else(|| "does not fit into memory".to_owned()),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = added {
                self.info.unreadable += 1;
                self.report(entry.name, reason);
            }
        }
        if self.info.records == 0 {
            // An empty dump would make every package clean.
            return Err(ReadFailure("holds no record that can be used".to_owned()));
        }
        if self.affected.is_empty() {
            // As would another ecosystem's dump, saved under the wrong name.
            let ecosystem = &self.info.ecosystem;
            return Err(ReadFailure(format!(
                "holds no record about a package of {ecosystem}"
            )));
        }
        Ok(())
    }

    fn report(&mut self, file: String, reason: String) {
        if self.problems.len() == LoadReport::MAX_PROBLEMS {
            self.more_problems += 1;
            return;
        }
        self.problems.push(Problem {
            ecosystem: self.info.ecosystem.clone(),
            file,
            reason,
        });
    }

    /// Adds a record; nothing when a table is full.
    fn add(&mut self, record: &osv::Record) -> Option<()> {
        self.info.newest_modified = self.info.newest_modified.max(modified(record));
        if record
            .withdrawn
            .as_deref()
            .is_some_and(|date| !date.is_empty())
        {
            self.info.withdrawn += 1;
            return Some(());
        }
        let parts: Vec<(&osv::Affected, &osv::Package)> = record
            .affected
            .iter()
            .filter_map(|affected| Some((affected, affected.package.as_ref()?)))
            .filter(|(_, package)| base_of(&package.ecosystem) == self.info.ecosystem)
            .collect();
        for (_, package) in &parts {
            self.add_release(&package.ecosystem);
        }
        let is_notice = |affected: &osv::Affected| {
            [
                &record.database_specific,
                &affected.database_specific,
                &affected.ecosystem_specific,
            ]
            .into_iter()
            .any(|specific| is_mere_notice(specific.informational.as_deref()))
        };
        let announces = announces_vulnerability(&record.id);
        let index = u32::try_from(self.records.len()).ok()?;
        let is_elsewhere = parts.is_empty();
        let entries = parts
            .into_iter()
            .filter(|(affected, _)| announces && !is_notice(affected))
            .map(|(affected, package)| self.affected(index, record, affected, package))
            .collect::<Option<Vec<_>>>()?;
        // A record about packages of other ecosystems only is kept for its aliases.
        if entries.is_empty() && !(announces && is_elsewhere) {
            self.info.not_vulnerabilities += 1;
            return Some(());
        }
        self.push_record(record)?;
        self.affected.extend(entries);
        Some(())
    }

    fn push_record(&mut self, record: &osv::Record) -> Option<()> {
        let id = self.interner.intern(&record.id)?;
        let summary = record.summary.as_deref().unwrap_or_default();
        let streams = if self.order == Order::Rpm {
            streams_in(summary)
                .map(|stream| self.interner.intern(stream))
                .collect::<Option<_>>()?
        } else {
            Box::default()
        };
        self.records.push(Record {
            id,
            vulnerabilities: Box::default(),
            streams,
        });
        self.links.push(Link {
            id: record.id.clone(),
            aliases: record.aliases.clone(),
            cves: own_cves(record),
        });
        self.info.records += 1;
        Some(())
    }

    fn add_release(&mut self, ecosystem: &str) {
        if ecosystem.contains(':') && !self.releases.contains(release_of(ecosystem).as_ref()) {
            self.releases.insert(release_of(ecosystem).into_owned());
        }
    }

    fn affected(
        &mut self,
        index: u32,
        record: &osv::Record,
        affected: &osv::Affected,
        package: &osv::Package,
    ) -> Option<(StringId, Affected)> {
        let name = match self.order {
            Order::Pep440 => self
                .interner
                .intern(&normalized_python_name(&package.name))?,
            _ => self.interner.intern(&package.name)?,
        };
        let release = match package.ecosystem.contains(':') {
            true => Some(self.interner.intern(&release_of(&package.ecosystem))?),
            false => None,
        };
        let ranges: Box<[Range]> = affected
            .ranges
            .iter()
            // Commits cannot be compared with versions.
            .filter(|range| matches!(range.kind.as_str(), "ECOSYSTEM" | "SEMVER"))
            .map(|range| self.range(range))
            .collect::<Option<_>>()?;
        let mut versions: Vec<StringId> = affected
            .versions
            .iter()
            .map(|version| self.interner.intern(&self.order.canonical(version)))
            .collect::<Option<_>>()?;
        versions.sort_unstable();
        versions.dedup();
        let affected = Affected {
            record: index,
            release,
            is_modular: self.order == Order::Rpm && speaks_of_modules(affected),
            rating: Rating::of(record, affected, &self.info.ecosystem),
            ranges,
            versions: versions.into(),
        };
        Some((name, affected))
    }

    fn range(&mut self, range: &osv::Range) -> Option<Range> {
        let mut events = Vec::with_capacity(range.events.len());
        let mut begins = false;
        // Of several limits the farthest counts, and nothing is farther than `*`.
        let is_unlimited = range
            .events
            .iter()
            .any(|event| event.limit.as_deref() == Some("*"));
        for event in &range.events {
            if let Some(version) = &event.introduced {
                begins = true;
                events.push(match version.as_str() {
                    // RustSec writes the smallest semantic version there is.
                    "0" | "0.0.0-0" => Event::Beginning,
                    version => Event::Introduced(self.interner.intern(version)?),
                });
            }
            if let Some(version) = &event.fixed {
                events.push(Event::Fixed(self.interner.intern(version)?));
            }
            if let Some(version) = &event.last_affected {
                events.push(Event::LastAffected(self.interner.intern(version)?));
            }
            if let Some(version) = event.limit.as_deref().filter(|_| !is_unlimited) {
                events.push(Event::Limit(self.interner.intern(version)?));
            }
        }
        if !begins && !events.is_empty() {
            // The schema wants a beginning; without one, all versions before the end are meant.
            events.push(Event::Beginning);
        }
        Some(events.into())
    }

    fn finish(mut self) -> (FeedInfo, Feed) {
        for (record, link) in self.records.iter_mut().zip(&self.links) {
            record.vulnerabilities = link
                .cves
                .iter()
                .filter_map(|vulnerability| self.interner.intern(vulnerability))
                .collect();
        }
        let strings = self.interner.finish();
        self.affected.sort_by_key(|(name, _)| *name);
        let mut names = HashMap::new();
        for (position, (name, _)) in self.affected.iter().enumerate() {
            names
                .entry(strings.get(*name).into())
                .or_insert(position..position)
                .end = position + 1;
        }
        self.info.releases = self.releases.iter().map(Ecosystem::new).collect();
        let affected: Vec<Affected> = self.affected.into_iter().map(|(_, said)| said).collect();
        let feed = Feed {
            order: self.order,
            strings,
            records: self.records,
            affected,
            names,
            releases: self.releases,
        };
        (self.info, feed)
    }
}

fn base_of(ecosystem: &str) -> &str {
    ecosystem.split(':').next().unwrap_or(ecosystem)
}

/// Dates before 1970 stand for "not known" in some databases.
fn modified(record: &osv::Record) -> Option<Timestamp> {
    let modified: Timestamp = record.modified.as_deref()?.parse().ok()?;
    (modified >= Timestamp::UNIX_EPOCH).then_some(modified)
}

fn speaks_of_modules(affected: &osv::Affected) -> bool {
    let ends = affected
        .ranges
        .iter()
        .flat_map(|range| &range.events)
        .filter_map(|event| event.fixed.as_ref().or(event.last_affected.as_ref()));
    ends.chain(&affected.versions)
        .any(|version| is_modular_build(version))
}
