//! When all is quiet: what must become right, stay right, and be left.

use std::time::Duration;

use scout_platform::Clock;

use super::{History, Seen};
use crate::simulation::oracle::newest_of;
use crate::simulation::script::{Fate, REPOSITORIES};
use crate::simulation::sender::Told;
use crate::simulation::world::{LAST, WORLD};

/// After how many rounds without a problem tags must be right: what is missing from two is gone,
/// one may have begun before, and a repository that was deleted is first met by its tags.
const ROUNDS: u64 = 6;
/// Within which time all must be right: what failed for reasons that may have passed is tried
/// again every quarter of an hour, and an event that met a dead registry may wait as long.
const QUIET: Duration = Duration::from_secs(40 * 60);

impl History<'_> {
    /// Waits until all is as it must be; tags within some rounds, the rest within some time.
    pub(super) async fn settle(&mut self) -> Result<(), String> {
        for round in 1.. {
            self.wait_for_rounds(1).await?;
            match self.check(true).await {
                Ok(()) => break,
                Err(error) if round == ROUNDS => {
                    return Err(format!("after {ROUNDS} rounds in peace: {error}"));
                }
                Err(_) => {}
            }
        }
        let until = self.time.elapsed() + QUIET;
        loop {
            self.wait_until_settled().await?;
            match self.check(false).await {
                Ok(()) => return Ok(()),
                Err(error) if self.time.elapsed() > until => {
                    return Err(format!("after {QUIET:?} in peace: {error}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_secs(5)).await,
            }
        }
    }

    /// Pushes an image to two repositories, one of which tells of it: it must be the newest.
    pub(super) async fn push_last(&mut self) -> Result<(), String> {
        let tag = "latest";
        for (repository, is_told) in [(REPOSITORIES[0], true), (REPOSITORIES[1], false)] {
            let push = self.push(repository, tag, LAST);
            let told = Told {
                action: "push",
                repository,
                tag: Some(tag),
                artifact: Some(&WORLD.artifacts[LAST]),
                at: self.time.now(),
            };
            if is_told {
                let fate = Fate {
                    deliveries: vec![0],
                    tries: 60,
                };
                self.sender.send(told, &fate, Some(push));
            }
        }
        self.sender.finish().await;
        self.wait_for_rounds(2).await?;
        self.wait_until_settled().await?;
        self.check(false).await?;
        let process = self.running();
        let last = WORLD.artifacts[LAST].image.as_ref().unwrap();
        let input = process.store.judge_input(process.org).await;
        let input = input.map_err(|error| format!("{error:?}"))?;
        for repository in &REPOSITORIES[..2] {
            let newest = newest_of(&input, repository);
            if newest.as_deref() != Some(last.manifest.as_str()) {
                return Err(format!("{newest:?} is the newest of {repository}"));
            }
        }
        Ok(())
    }

    /// A round in which nothing changed costs a request a tag, and reads nothing.
    pub(super) async fn rest(&mut self) -> Result<(), String> {
        self.wait_for_rounds(1).await?;
        let before = self.registry.state().counts.clone();
        let rounds = self.rounds();
        self.wait_for_rounds(1).await?;
        let after = self.registry.state().counts.clone();
        // The rounds that ended, and one that has begun.
        let rounds = self.rounds() - rounds + 1;
        let tags: usize = REPOSITORIES
            .iter()
            .map(|repository| self.registry.state().model.tags(repository).len())
            .sum();
        if after.manifests > before.manifests || after.blobs != before.blobs {
            return Err("something is read again though nothing has changed".to_owned());
        }
        let heads = after.heads - before.heads;
        if heads > rounds * tags as u64 {
            return Err(format!(
                "{heads} questions for {tags} tags in {rounds} rounds"
            ));
        }
        Ok(())
    }

    /// Ends the watcher, and looks whether anything is left behind.
    pub(super) async fn end(&mut self) -> Result<Seen, String> {
        if let Some(process) = self.process.take() {
            process.drain().await?;
        }
        let store = self.place.store().await;
        let now = self.time.now();
        let left = store.release_dead_holders().await;
        if left.as_ref().ok() != Some(&0) {
            return Err(format!("leases are left: {left:?}"));
        }
        let judge = store.lease("judge", now, now).await;
        if !matches!(judge, Ok(Some(_))) {
            return Err(format!("the judge's lease is held: {judge:?}"));
        }
        let state = self.registry.state();
        if let Some(violation) = state.violations.first() {
            return Err(format!("what nobody may do: {violation}"));
        }
        let read = |layer: &String| state.counts.blobs.get(layer).copied().unwrap_or_default();
        // A killed watcher may have read one that it did not record; so may one of two.
        let most = 1 + self.kills + u64::from(self.had_second);
        if let Some(layer) = WORLD.layers.iter().find(|layer| read(layer) > most) {
            return Err(format!("layer {layer} was read {} times", read(layer)));
        }
        let pushes = state.model.history.values().flatten();
        let pushes = pushes.flat_map(|tenure| &tenure.pushes);
        Ok(Seen {
            kills: self.kills,
            requests: state.counts.requests,
            layers: WORLD.layers.iter().map(read).sum(),
            acknowledged: pushes.filter(|push| push.is_acknowledged).count() as u64,
            virtual_time: self.time.elapsed(),
        })
    }
}
