//! Judgement: from facts and advisories to findings, streams, policies and the snapshot.
//!
//! One process at a time holds the judge's lease. It alone matches and publishes; the others
//! record facts and ask for judgement.

mod advisories;
mod coverage;
mod extended;
mod in_use;
mod latest;
mod standing;
mod stream;
mod worst;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use scout_envs::{OrgName, Policy};
use scout_store::{FeedRecord, JudgeWork, Lease, OrgId, PackageFindings, Store};

use crate::clock::Clock;
use crate::error::{Error, Result};
pub use advisories::AdvisorySource;
use advisories::Loaded;
pub(crate) use coverage::{Feeds, coverage};
pub(crate) use latest::newest;
pub(crate) use stream::{Judged, JudgedImage, Member};

/// The lease's name.
const LEASE: &str = "judge";
/// How long the lease lasts without renewal. Long enough for one organization's judgement, short
/// enough that another process takes over soon after a crash on another machine.
const LEASE_SECONDS: i64 = 60;
/// Packages matched before their findings are written: bounds memory and the transaction.
const MATCH_BATCH: u32 = 2_000;

/// Judges organizations.
pub struct Judge {
    store: Arc<dyn Store>,
    advisories: Option<AdvisorySource>,
    policies: Vec<Policy>,
    clock: Arc<dyn Clock>,
    /// What a judge without advisories has left to one that has them.
    left: Mutex<Vec<JudgeWork>>,
}

/// What a call of [`Judge::run`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum JudgeOutcome {
    /// Everything asked for was judged; so many organizations got a snapshot.
    Done {
        /// How many.
        organizations: u64,
    },
    /// Another process is the judge at present.
    ElsewhereHeld,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("advisories", &self.advisories)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

impl Judge {
    /// Returns a judge with the policies that can be evaluated today. Without advisories it
    /// judges with the findings that are recorded.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        advisories: Option<AdvisorySource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            advisories,
            policies: Policy::defaults(),
            clock,
            left: Mutex::default(),
        }
    }

    /// Judges everything that was asked for.
    ///
    /// # Errors
    ///
    /// If the store fails, or the advisories cannot be read at all.
    pub async fn run(&self) -> Result<JudgeOutcome> {
        if !self.is_due().await? {
            return Ok(JudgeOutcome::Done { organizations: 0 });
        }
        let Some(lease) = self.take_lease().await? else {
            return Ok(JudgeOutcome::ElsewhereHeld);
        };
        let judged = self.run_with(&lease).await;
        // Given back at once, so that another process on this store need not wait for its end.
        self.store.release(&lease).await?;
        judged
    }

    /// Whether there is anything to do; asked often, and only reads.
    async fn is_due(&self) -> Result<bool> {
        let now = self.clock.now();
        let has_new_advisories = self
            .advisories
            .as_ref()
            .is_some_and(|source| source.is_due(now));
        Ok(has_new_advisories || self.has_work().await?)
    }

    /// Returns whether something was asked for, other than what is left to a judge that has
    /// advisories.
    pub(crate) async fn has_work(&self) -> Result<bool> {
        let asked = self.store.judge_work(self.clock.now()).await?;
        let is_left = asked == *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(!(asked.is_empty() || is_left))
    }

    async fn take_lease(&self) -> Result<Option<Lease>> {
        let now = self.clock.now();
        let until = now + SignedDuration::from_secs(LEASE_SECONDS);
        Ok(self.store.lease(LEASE, now, until).await?)
    }

    async fn run_with(&self, lease: &Lease) -> Result<JudgeOutcome> {
        let mut organizations = 0;
        loop {
            // Read before matching: what is asked for later may be about packages that were not
            // matched yet, and stays asked for.
            let asked = self.store.judge_work(self.clock.now()).await?;
            self.match_packages(lease).await?;
            for work in &asked {
                let lease = self.renew(lease).await?;
                self.organization(&lease, *work).await?;
                organizations += 1;
            }
            if self.advisories.is_none() {
                self.leave_the_rest(&asked).await?;
                return Ok(JudgeOutcome::Done { organizations });
            }
            if self.store.judge_work(self.clock.now()).await?.is_empty() {
                return Ok(JudgeOutcome::Done { organizations });
            }
        }
    }

    /// A judge without advisories answers what it can; what needs them stays asked for.
    async fn leave_the_rest(&self, asked: &[JudgeWork]) -> Result<()> {
        if !self.store.stale_packages(None, 1).await?.is_empty() {
            for work in asked {
                self.store.enqueue_judgement(work.org).await?;
            }
        }
        // What is left is not taken up again until more is asked for.
        let left = self.store.judge_work(self.clock.now()).await?;
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        Ok(())
    }

    async fn renew(&self, lease: &Lease) -> Result<Lease> {
        let lost = || scout_store::Error::LeaseLost {
            what: lease.name.clone(),
        };
        Ok(self
            .take_lease()
            .await?
            .filter(|l| l.fence == lease.fence)
            .ok_or_else(lost)?)
    }

    /// Matches the packages that the advisories, as they are now, have not spoken of yet.
    async fn match_packages(&self, lease: &Lease) -> Result<()> {
        let Some(advisories) = &self.advisories else {
            return Ok(());
        };
        let now = self.clock.now();
        let wanted = self.store.ecosystems_in_use().await?;
        let survey = advisories.survey(wanted, now).await?;
        // What is not there now but was loaded before is kept: the last good answer serves on,
        // and its age shows.
        if survey.kev.is_some() {
            self.store.record_kev(lease, survey.kev.clone()).await?;
        }
        let mut feeds = self.store.feeds().await?;
        let is_recorded = |(name, fingerprint): (&String, &String)| {
            feeds
                .iter()
                .any(|feed| feed.name == *name && feed.fingerprint == *fingerprint)
        };
        if survey.dumps.iter().all(is_recorded) {
            let is_there = |feed: &&mut FeedRecord| survey.dumps.contains_key(&feed.name);
            feeds
                .iter_mut()
                .filter(is_there)
                .for_each(|feed| feed.loaded_at = now);
            self.store.record_feeds(lease, feeds).await?;
            if self.store.stale_packages(None, 1).await?.is_empty() {
                return Ok(());
            }
            feeds = self.store.feeds().await?;
        }
        let loaded = advisories.load(&survey, now).await?;
        feeds.retain(|feed| loaded.records.iter().all(|record| record.name != feed.name));
        feeds.extend(loaded.records.iter().cloned());
        self.store.record_feeds(lease, feeds).await?;
        self.match_stale(lease, &loaded).await
    }

    async fn match_stale(&self, lease: &Lease, loaded: &Loaded) -> Result<()> {
        let mut after = None;
        loop {
            let stale = self.store.stale_packages(after, MATCH_BATCH).await?;
            let Some((last, _)) = stale.last() else {
                return Ok(());
            };
            after = Some(*last);
            let loaded = loaded.clone();
            let findings = tokio::task::spawn_blocking(move || {
                let matched = stale.into_iter().filter_map(|(package, key)| {
                    let (findings, feed) = loaded.find(&key)?;
                    Some(PackageFindings {
                        package,
                        findings,
                        feed,
                    })
                });
                matched.collect()
            })
            .await
            .map_err(|_interrupted| Error::Interrupted { what: "matching" })?;
            let lease = self.renew(lease).await?;
            self.store.record_findings(&lease, findings).await?;
        }
    }

    async fn organization(&self, lease: &Lease, work: JudgeWork) -> Result<()> {
        let Some(org) = self.name_of(work).await? else {
            return Ok(());
        };
        let judged = Judged::load(self.store.as_ref(), work.org, &self.policies).await?;
        self.note(lease, work.org, &org, &judged).await?;
        let references = self.store.repository_references(work.org).await?;
        let snapshot = judged.snapshot(org, &references, self.clock.now());
        self.store.publish(lease, work, snapshot).await?;
        Ok(())
    }

    /// Records what is new about the newest images, for those who want to be told. Before the
    /// snapshot: whoever is killed in between repeats it and finds nothing new.
    async fn note(&self, lease: &Lease, id: OrgId, org: &OrgName, judged: &Judged) -> Result<()> {
        // Who has no advisories does not know what is new.
        if self.advisories.is_none() && judged.advisories_loaded_at.is_some() {
            return Ok(());
        }
        let before = self.store.standings(id).await?;
        let Some(change) = standing::change(judged, before.as_ref()) else {
            return Ok(());
        };
        // Most judgements bring nothing new, and in many installations nobody is to be told.
        let is_told = change.has_news() && !self.store.channels(id).await?.is_empty();
        let mut references = BTreeMap::new();
        if is_told {
            let repositories = self.store.repositories(id, None).await?.into_iter();
            references.extend(repositories.map(|one| (one.id, one.reference)));
        }
        let change = change.named(judged, &references, (org, self.clock.now()));
        self.store.record_standings(lease, id, change).await?;
        Ok(())
    }

    async fn name_of(&self, work: JudgeWork) -> Result<Option<OrgName>> {
        let organizations = self.store.organizations().await?;
        Ok(organizations
            .into_iter()
            .find(|org| org.id == work.org)
            .map(|org| org.name))
    }
}
