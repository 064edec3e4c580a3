//! The kinds of changes.

use std::collections::BTreeSet;

use scout_envs::{EnvironmentName, RepositoryName, Tag};
use scout_platform::{Clock, LIST_SOURCE, RunningList, remove_environment, sync_list};
use scout_registry::events::{Event, EventAction};

use super::super::bodies::Exporting;
use super::super::images::Image;
use super::super::oracle;
use super::super::registry::HOST;
use super::{ENVIRONMENTS, RUNNING, Replay, TAGS, name, tag};

impl Replay {
    fn event(&mut self, action: EventAction, repository: &RepositoryName, tag: &Tag) -> Event {
        self.next += 1;
        let mut event = Event::new(format!("event-{}", self.next), action, repository.clone());
        event.tag = Some(tag.clone());
        event.occurred_at = Some(self.time.now());
        event
    }

    /// Returns a repository, its tags that can be read, and the images under them.
    fn any_place(&mut self) -> (RepositoryName, Vec<(Tag, u64)>) {
        let content = self.registry.content();
        let number = self.random.below(content.repositories.len() as u64) as usize;
        let (repository, tags) = content.repositories.iter().nth(number).unwrap();
        let good = tags
            .iter()
            .filter(|(tag, _)| !oracle::is_damaged(tag.as_str()));
        let good = good
            .map(|(tag, tagged)| (tag.clone(), tagged.image))
            .collect();
        (repository.clone(), good)
    }

    /// Pushes something new, moves a tag, or deletes one.
    pub(super) fn change(&mut self) -> Vec<Event> {
        let (repository, tags) = self.any_place();
        let chosen = self.random.below(tags.len().max(1) as u64) as usize;
        let kind = self.random.below(10);
        let (tag, image) = match kind {
            // A new image, under a tag that is there or a new one.
            0..2 => {
                self.done.pushes += 1;
                self.next += 1;
                (
                    tag(&format!("v{}", self.random.below(TAGS as u64))),
                    self.next,
                )
            }
            2..4 if tags.len() > 1 => {
                self.done.deletions += 1;
                let (tag, _) = &tags[chosen];
                let mut content = self.registry.content();
                content
                    .repositories
                    .get_mut(&repository)
                    .unwrap()
                    .remove(tag);
                drop(content);
                return vec![self.event(EventAction::Deleted, &repository, tag)];
            }
            // A tag is moved to another image of the repository, or one comes back.
            _ => {
                let image = match tags.get(chosen) {
                    Some((_, image)) => *image,
                    None => self.random.below(self.size.images as u64),
                };
                self.done.moves += 1;
                (tag(&format!("v{}", self.random.below(TAGS as u64))), image)
            }
        };
        self.push(&repository, &tag, image, Image::new)
    }

    fn push(
        &mut self,
        repository: &RepositoryName,
        tag: &Tag,
        image: u64,
        make: fn(u64) -> Image,
    ) -> Vec<Event> {
        let now = self.time.now();
        let mut content = self.registry.content();
        let digest = content.push(repository, tag, image, make, now);
        drop(content);
        let mut event = self.event(EventAction::Pushed, repository, tag);
        event.digest = Some(digest);
        vec![event]
    }

    /// A repository comes, or one that came so goes.
    pub(super) fn come_or_go(&mut self) -> Vec<Event> {
        self.done.repositories += 1;
        let mut content = self.registry.content();
        let names = content.repositories.keys();
        let come = names
            .filter(|name| name.as_str().starts_with("new-"))
            .cloned();
        let come: Vec<_> = come.collect();
        if come.len() > 2 {
            content.repositories.remove(&come[0]);
            // Of this only the next sweeps tell.
            return Vec::new();
        }
        drop(content);
        self.next += 1;
        let (repository, image) = (name(&format!("new-{}/app", self.next)), self.next);
        self.push(&repository, &tag("v0"), image, Image::new)
    }

    pub(super) fn push_damaged(&mut self) -> Vec<Event> {
        let (repository, _) = self.any_place();
        self.next += 1;
        let (tag, image) = (tag(&format!("damaged-{}", self.random.below(3))), self.next);
        self.push(&repository, &tag, image, Image::damaged)
    }

    /// Replaces what runs in one environment. At times one has gone before.
    pub(super) async fn run_something(&mut self, step: u64, exporting: &Exporting) {
        let name = format!("env {} \"x\"", self.random.below(ENVIRONMENTS));
        let environment: EnvironmentName = name.parse().unwrap();
        if step % 5 == 4 && self.running.contains_key(&name) {
            exporting.excuse(&name);
            self.running.remove(&name);
            let process = self.process();
            remove_environment(process.store.as_ref(), &process.org, &environment)
                .await
                .unwrap();
            return;
        }
        let (mut members, mut list) = (BTreeSet::new(), String::new());
        for _ in 0..1 + self.random.below(RUNNING) {
            let (repository, tags) = self.any_place();
            for (tag, image) in tags.into_iter().take(2) {
                let digest = self.registry.content().images[&image].manifest.clone();
                list += &format!("{HOST}/{repository}:{tag}@{digest}\n");
                members.insert((repository.clone(), image));
            }
        }
        if members.is_empty() {
            return;
        }
        self.done.shares += 1;
        let list = RunningList::read(list.as_bytes()).unwrap();
        let process = self.process();
        let (store, org) = (process.store.as_ref(), &process.org);
        sync_list(store, org, &environment, LIST_SOURCE, list, &self.time)
            .await
            .unwrap();
        self.running.insert(name, members);
    }
}
