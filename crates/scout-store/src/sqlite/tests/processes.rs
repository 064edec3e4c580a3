//! Processes that end without a word, and many tasks at once.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Waker};

use scout_envs::{Digest, Tag};
use tempfile::TempDir;

use super::{at, open};
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::event::{EventAction, EventsRecorded, NewEvent};
use crate::model::repository::WatchedRepository;
use crate::model::tag::Observation;
use crate::model::work::{LeaseRequest, WorkClass};
use crate::sqlite::{Access, SqliteStore};
use crate::store::Store;

/// Tells a copy of this test program that it is the one to be killed, and where it works.
const VICTIM: &str = "SCOUT_STORE_TEST_VICTIM";

/// Makes an organization with one repository of which everything is wanted.
async fn world(store: &dyn Store) -> (OrgId, RegistryId, RepositoryId) {
    let org = store.enroll(&"acme".parse().unwrap(), at(0)).await.unwrap();
    let registry = store.registry(org, "r", "r", at(0)).await.unwrap().id;
    let listed = [WatchedRepository::of_host("r", "app".parse().unwrap())];
    let repositories = store
        .record_repositories(org, registry, &listed, false, true, at(0))
        .await
        .unwrap();
    (org, registry, repositories[0].id)
}

fn observation(number: u32) -> Observation {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    Observation {
        tag: Tag::try_from(format!("t{number}")).unwrap(),
        digest: Digest::sha256(&digest),
        pushed_at: None,
        seen_at: at(0),
        wanted: Some(WorkClass::Backfill),
    }
}

fn event(number: u32) -> NewEvent {
    NewEvent {
        key: number.to_string(),
        action: EventAction::Pushed,
        repository: "app".parse().unwrap(),
        tag: Some(Tag::try_from(format!("t{number}")).unwrap()),
        digest: None,
        occurred_at: None,
    }
}

/// What the victim does: leases, then writes without end, telling what was answered.
#[tokio::test]
async fn victim() {
    let Some(directory) = env::var_os(VICTIM) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&directory), Access::ReadWrite).unwrap();
    let (org, registry, repository) = world(&store).await;
    store
        .lease("judge", at(0), at(1_000))
        .await
        .unwrap()
        .unwrap();
    for number in 0.. {
        store
            .observe(org, repository, observation(number))
            .await
            .unwrap();
        store
            .record_events(org, registry, vec![event(number)], at(0))
            .await
            .unwrap();
        if number % 4 == 0 {
            store
                .lease_index_work(org, registry, LeaseRequest::new(at(0), at(1_000), 1))
                .await
                .unwrap();
        }
        println!("\nwrote {number}");
    }
}

/// Starts a victim, and kills it when it has written this often; returns the last it told.
fn kill_after(directory: &Path, writes: usize) -> u32 {
    let mut child: Child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::processes::victim", "--nocapture"])
        .env(VICTIM, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let written = lines.filter_map(|line| line.unwrap().strip_prefix("wrote ")?.parse().ok());
    let last = written.take(writes).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    last
}

#[tokio::test]
async fn what_a_killed_process_held_is_free_and_what_it_was_answered_is_there() {
    let directory = TempDir::new().unwrap();
    let observer = open(&directory);
    for writes in [1, 30, 100] {
        let last = kill_after(directory.path(), writes);
        let store = open(&directory);
        let (org, registry, repository) = world(&store).await;
        let known = store.known_tags(org, repository).await.unwrap();
        let known: BTreeSet<String> = known.into_iter().map(|tag| tag.tag.to_string()).collect();
        for number in 0..=last {
            assert!(known.contains(&format!("t{number}")), "{number} of {last}");
        }
        // A sender that was answered may have forgotten its event; one that was not sends again.
        let recorded = store
            .record_events(org, registry, (0..=last).map(event).collect(), at(1))
            .await
            .unwrap();
        let duplicates = u64::from(last) + 1;
        let all_known = EventsRecorded::Stored {
            stored: 0,
            duplicates,
        };
        assert_eq!(recorded, all_known);
        // The living lose nothing, the dead everything.
        let kept = observer
            .lease("other", at(1), at(1_000))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(store.lease("judge", at(1), at(2)).await.unwrap(), None);
        let freed = store.release_dead_holders().await.unwrap();
        assert!(freed >= 2, "the judge and some work, not {freed}");
        assert_eq!(store.release_dead_holders().await.unwrap(), 0);
        assert_eq!(store.lease("other", at(1), at(2)).await.unwrap(), None);
        observer.release(&kept).await.unwrap();
        let judge = store.lease("judge", at(1), at(2)).await.unwrap().unwrap();
        store.release(&judge).await.unwrap();
        let work = store
            .lease_index_work(org, registry, LeaseRequest::new(at(1), at(2), 10_000))
            .await
            .unwrap();
        assert_eq!(
            work.len(),
            known.len(),
            "everything can be worked on at once"
        );
        let files = fs::read_dir(directory.path().join("holders"))
            .unwrap()
            .count();
        assert_eq!(files, 3, "two living, and the lock for opening");
        let result: String = super::super::connection::open_reader(&store.shared.database)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(result, "ok");
        // Frees what it leased, as a process that ends by itself does.
        drop(store);
        observer.release_dead_holders().await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_store_holds_nothing() {
    let directory = TempDir::new().unwrap();
    let (first, second) = (open(&directory), open(&directory));
    first
        .lease("judge", at(0), at(1_000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.release_dead_holders().await.unwrap(), 0);
    drop(first);
    assert_eq!(second.release_dead_holders().await.unwrap(), 1);
    assert!(
        second
            .lease("judge", at(0), at(1_000))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_of_two_processes_lose_and_double_nothing() {
    const TAGS: u32 = 200;
    let directory = TempDir::new().unwrap();
    let stores = [Arc::new(open(&directory)), Arc::new(open(&directory))];
    let (org, registry, repository) = world(stores[0].as_ref()).await;
    let mut tasks = Vec::new();
    for number in 0..TAGS {
        // Each tag is seen by both.
        for store in &stores {
            let store = Arc::clone(store);
            tasks.push(tokio::spawn(async move {
                let seen = store
                    .observe(org, repository, observation(number))
                    .await
                    .unwrap();
                store.known_tags(org, repository).await.unwrap();
                let work = store
                    .lease_index_work(org, registry, LeaseRequest::new(at(0), at(1_000), 1))
                    .await
                    .unwrap();
                (u32::from(seen.is_new), work)
            }));
        }
    }
    let mut new = 0;
    let mut leased = Vec::new();
    for task in tasks {
        let (is_new, work) = task.await.unwrap();
        new += is_new;
        leased.extend(work.into_iter().map(|work| (work.artifact, work.fence)));
    }
    assert_eq!(new, TAGS);
    assert_eq!(leased.len(), TAGS as usize);
    let artifacts: BTreeSet<_> = leased.iter().map(|(artifact, _)| artifact).collect();
    let fences: BTreeSet<_> = leased.iter().map(|(_, fence)| fence).collect();
    assert_eq!(
        (artifacts.len(), fences.len()),
        (leased.len(), leased.len())
    );
}

#[tokio::test]
async fn a_write_that_has_begun_is_not_undone_by_dropping_it() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let (acme, rival) = ("acme".parse().unwrap(), "rival".parse().unwrap());
    {
        let mut enrolling = pin!(store.enroll(&acme, at(0)));
        let polled = enrolling
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    // Its turn comes after the one that was dropped.
    store.enroll(&rival, at(0)).await.unwrap();
    assert!(store.org(&acme).await.unwrap().is_some());
}
