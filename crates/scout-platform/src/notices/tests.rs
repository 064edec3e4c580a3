use std::collections::BTreeMap;
use std::sync::Mutex;

use scout_envs::{Digest, PolicyId};
use scout_notices::{ChannelOptions, ChannelSpec, Event, FailedPolicy, Minimum, Notice, Selection};
use scout_store::{
    Access, NewNotice, RepositoryId, SqliteStore, Standing, StandingLevel, Standings,
    StandingsChange, WatchedRepository,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::lookup::organization;
use crate::testing::HandClock;

fn notice(repository: &str, subject: &str) -> Notice {
    Notice {
        id: format!("{repository} {subject}"),
        at: Timestamp::UNIX_EPOCH,
        repository: repository.to_owned(),
        tags: Vec::new(),
        digest: Digest::sha256(&[1; 32]),
        event: Event::Policy(FailedPolicy {
            policy: PolicyId::DefaultNonRootUser,
            display_name: subject.to_owned(),
            reasons: Vec::new(),
            more_reasons: 0,
        }),
    }
}

fn new_notice(repository: RepositoryId, subject: &str, at: Timestamp) -> NewNotice {
    NewNotice {
        repository,
        subject: subject.to_owned(),
        level: 1,
        found_at: at,
        body: serde_json::to_string(&notice(&format!("r/{repository}"), subject)).unwrap(),
    }
}

fn standing(is_present: bool, subjects: &[(&str, u8)]) -> Standing {
    let level = |now: u8| StandingLevel { now, told: 1 };
    Standing {
        version: "1".to_owned(),
        is_present,
        subjects: subjects
            .iter()
            .map(|(subject, now)| ((*subject).to_owned(), level(*now)))
            .collect(),
    }
}

/// A receiver of this machine that answers as it is told, and counts.
struct Receiver {
    answer: Mutex<&'static str>,
    heard: Mutex<u32>,
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const GONE: &str = "HTTP/1.1 410 Gone\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 90\r\nconnection: close\r\n\
                    content-length: 0\r\n\r\n";
const BUSY_FOR_A_MOMENT: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
     content-length: 0\r\n\r\n";
/// No answer at all, and the connection stays.
const SILENCE: &str = "";
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
                      content-length: 0\r\n\r\n";

impl Receiver {
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Arc::new(Self {
            answer: Mutex::new(OK),
            heard: Mutex::new(0),
        });
        let server = Arc::clone(&receiver);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 64 * 1024];
                let mut length = 0;
                while !request[..length].ends_with(b"}") {
                    length += stream.read(&mut request[length..]).await.unwrap();
                }
                *server.heard.lock().unwrap() += 1;
                let answer = *server.answer.lock().unwrap();
                if answer == SILENCE {
                    std::future::pending::<()>().await;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (receiver, url)
    }

    fn answers(&self, answer: &'static str) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How many messages came since the last time.
    fn heard(&self) -> u32 {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

struct House {
    dir: TempDir,
    store: Arc<dyn Store>,
    clock: Arc<HandClock>,
    org: Organization,
    repository: RepositoryId,
    receiver: Arc<Receiver>,
    notifier: Notifier,
}

impl House {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(dir.path(), Access::ReadWrite).unwrap());
        let clock = HandClock::new(1_700_000_000);
        let name = "acme".parse().unwrap();
        store.enroll(&name, clock.now()).await.unwrap();
        let org = organization(store.as_ref(), &name).await.unwrap();
        let registry = store.registry(org.id, "k", "r", clock.now()).await.unwrap();
        let listed = [WatchedRepository::of_host("r", "app".parse().unwrap())];
        let repositories = store
            .record_repositories(org.id, registry.id, &listed, false, true, clock.now())
            .await
            .unwrap();
        let (receiver, url) = Receiver::start().await;
        let pairs = [("type", "webhook"), ("url", "env:URL")];
        let spec = ChannelSpec::new(&pairs.map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
        let options = ChannelOptions {
            user_agent: "test".to_owned(),
            url: url.into(),
            secret: None,
            ca_pem: None,
        };
        let key = ChannelKey::File("hook".parse().unwrap());
        let outlet = Outlet {
            key: key.clone(),
            name: "hook".to_owned(),
            channel: Channel::new(&spec, options).unwrap(),
            is_new: false,
        };
        let place = (Arc::clone(&store), org.clone(), Arc::clone(&clock) as _);
        let notifier = Notifier::new(place, vec![outlet]);
        notifier.open(&[key]).await.unwrap();
        Self {
            dir,
            store,
            clock,
            org,
            repository: repositories[0].id,
            receiver,
            notifier,
        }
    }

    /// Finds these subjects, all of which stand.
    async fn find(&self, subjects: &[&str]) {
        let now = self.clock.now();
        let judge = self.store.lease("judge", now, now + LEASE).await.unwrap();
        let subjects: Vec<_> = subjects.iter().map(|subject| (*subject, 1)).collect();
        let notices = subjects
            .iter()
            .map(|(subject, _)| new_notice(self.repository, subject, now));
        let change = StandingsChange {
            knows_findings: true,
            standings: vec![(self.repository, standing(true, &subjects))],
            notices: notices.collect(),
        };
        self.store
            .record_standings(&judge.unwrap(), self.org.id, change)
            .await
            .unwrap();
    }

    /// What a running process does at its next look, so many seconds later.
    async fn look(&self, seconds: i64) -> u32 {
        self.clock.advance(seconds);
        let outlet = &self.notifier.outlets[0];
        self.notifier.turn_if_due(outlet, false).await.unwrap();
        self.receiver.heard()
    }

    async fn record(&self) -> ChannelRecord {
        let mut channels = self.store.channels(self.org.id).await.unwrap();
        channels.remove(0)
    }
}

#[test]
fn what_is_told_is_wanted_stands_and_is_the_newest_of_its_kind() {
    let (app, web, gone) = (RepositoryId(1), RepositoryId(2), RepositoryId(3));
    let standings = Standings {
        knows_findings: true,
        repositories: BTreeMap::from([
            (
                app,
                standing(true, &[("a", 1), ("b", 0), ("c", 1), ("d", 1)]),
            ),
            (web, standing(true, &[("a", 1)])),
            (gone, standing(false, &[("a", 1)])),
        ]),
    };
    let waiting: Vec<_> = [(app, "a"), (app, "b"), (web, "a"), (gone, "a"), (app, "x")]
        .into_iter()
        .chain([(app, "c"), (app, "a"), (app, "d")])
        .collect();
    let told = |selection: &Selection, limit: usize| {
        let pending = (1..).zip(&waiting).map(|(id, (repository, subject))| {
            let found = new_notice(*repository, subject, Timestamp::UNIX_EPOCH);
            scout_store::PendingNotice::new(scout_store::NoticeId(id), found)
        });
        let org = "acme".parse().unwrap();
        let prepared = prepare((&org, pending.collect(), 0), &standings, (selection, limit));
        let ids: Vec<_> = prepared
            .batch
            .notices
            .into_iter()
            .map(|one| one.id)
            .collect();
        (ids, prepared.last.map(|last| last.0))
    };
    let all = Selection::default();
    let expected = ["r/2 a", "r/1 c", "r/1 a", "r/1 d"].map(str::to_owned);
    assert_eq!(told(&all, 100), (expected.to_vec(), Some(8)));
    assert_eq!(
        told(&all, 2),
        (expected[..2].to_vec(), Some(6)),
        "the rest waits"
    );
    let web = Selection::new(&["r/2".to_owned()], &[], Minimum::High).unwrap();
    assert_eq!(told(&web, 100), (vec!["r/2 a".to_owned()], Some(8)));
}

#[tokio::test]
async fn what_is_found_together_is_told_together() {
    let house = House::new().await;
    assert_eq!(house.look(0).await, 0, "nothing to tell");
    house.find(&["a"]).await;
    assert_eq!(house.look(5).await, 0, "it waits for quiet");
    house.find(&["a", "b"]).await;
    assert_eq!(house.look(9).await, 0, "something new came");
    assert_eq!(house.look(1).await, 1);
    assert_eq!(house.look(100).await, 0, "once");
    let record = house.record().await;
    assert_eq!(
        (record.pending, record.last_sent_at),
        (0, Some(house.clock.now() - SignedDuration::from_secs(100)))
    );

    // It is never quiet, or never judged to the end: a minute is enough.
    house.store.enqueue_judgement(house.org.id).await.unwrap();
    house.find(&["c"]).await;
    assert_eq!(house.look(59).await, 0);
    assert_eq!(house.look(1).await, 1);
}

#[tokio::test]
async fn what_does_not_arrive_is_tried_again_ever_more_slowly() {
    let house = House::new().await;
    house.receiver.answers(BROKEN);
    house.find(&["a"]).await;
    assert_eq!(house.look(10).await, 1);
    for (wait, heard) in [(29, 0), (1, 1), (59, 0), (1, 1), (119, 0), (1, 1)] {
        assert_eq!(house.look(wait).await, heard, "{wait}");
    }
    let failure = house.record().await.failure.unwrap();
    assert!(failure.reason.contains("answered 503"), "{failure:?}");
    assert!(!failure.is_asked);
    // A process that ends does not wait for its own pause.
    house.receiver.answers(OK);
    assert_eq!(house.notifier.flush().await.unwrap(), 0);
    assert_eq!(house.receiver.heard(), 1);
    let record = house.record().await;
    assert_eq!(
        (record.pending, record.failures, record.failure),
        (0, 0, None)
    );
}

#[tokio::test]
async fn whoever_asks_to_wait_is_left_alone() {
    let house = House::new().await;
    house.receiver.answers(BUSY);
    house.find(&["a"]).await;
    assert_eq!(house.look(10).await, 1);
    let failure = house.record().await.failure.unwrap();
    let asked = SignedDuration::from_secs(90);
    assert!(failure.is_asked);
    assert_eq!(failure.not_before.duration_since(failure.at), asked);
    house.receiver.answers(OK);
    assert_eq!(house.notifier.flush().await.unwrap(), 1, "not even then");
    assert_eq!((house.receiver.heard(), house.look(89).await), (0, 0));
}

#[tokio::test]
async fn what_somebody_has_to_mend_is_tried_hourly() {
    let house = House::new().await;
    house.receiver.answers(GONE);
    house.find(&["a"]).await;
    assert_eq!(house.look(10).await, 1);
    assert_eq!(house.look(3_599).await, 0);
    house.receiver.answers(OK);
    assert_eq!(house.look(1).await, 1);
}

#[tokio::test]
async fn who_asks_for_a_moment_each_time_is_asked_ever_more_slowly() {
    let house = House::new().await;
    house.receiver.answers(BUSY_FOR_A_MOMENT);
    house.find(&["a"]).await;
    assert_eq!(house.look(10).await, 1);
    for (wait, heard) in [(1, 1), (29, 0), (1, 1), (59, 0), (1, 1)] {
        assert_eq!(house.look(wait).await, heard, "{wait}");
    }
}

#[tokio::test]
async fn a_channel_that_was_changed_is_tried_at_once() {
    let house = House::new().await;
    let outlet = &house.notifier.outlets[0];
    house.receiver.answers(GONE);
    house.find(&["a"]).await;
    assert_eq!(house.look(10).await, 1);
    house.receiver.answers(BUSY);
    assert!(house.notifier.turn_if_due(outlet, true).await.unwrap());
    assert_eq!(house.receiver.heard(), 1);
    // A wait that the receiver asked for is kept all the same.
    let failure = house.record().await.failure.unwrap();
    assert!(failure.is_asked);
    assert!(!house.notifier.turn_if_due(outlet, true).await.unwrap());
    assert_eq!(house.receiver.heard(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_does_not_keep_a_process_from_ending() {
    let house = House::new().await;
    house.receiver.answers(SILENCE);
    house.find(&["a"]).await;
    house.clock.advance(10);
    let stop = CancellationToken::new();
    let told = async {
        while house.receiver.heard() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
        tokio::time::Instant::now()
    };
    let (stopped_at, ()) = tokio::join!(told, house.notifier.run(&stop));
    assert!(stopped_at.elapsed() <= LAST_MOMENT + Duration::from_secs(1));
    assert_eq!(house.record().await.pending, 1, "it waits");
}

#[tokio::test]
async fn of_two_processes_one_sends() {
    let house = House::new().await;
    house.find(&["a"]).await;
    let outlet = &house.notifier.outlets[0];
    let other = SqliteStore::open(house.dir.path(), Access::ReadWrite).unwrap();
    let now = house.clock.now();
    let name = format!("notices:{}:{}", house.org.id, outlet.key);
    let held = other.lease(&name, now, now + LEASE).await.unwrap().unwrap();
    assert_eq!(house.notifier.flush().await.unwrap(), 0);
    assert_eq!(house.receiver.heard(), 0);
    other.release(&held).await.unwrap();
    assert_eq!(house.notifier.flush().await.unwrap(), 0);
    assert_eq!(house.receiver.heard(), 1);
}
