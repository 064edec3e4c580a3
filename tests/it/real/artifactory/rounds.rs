//! What the rounds of a watcher ask, by nginx's access log.

use std::time::Duration;

use super::{PASSWORD, PUSHED, stocked};
use crate::support::artifactory::{Artifactory, Login, READER};
use crate::support::guard::Guarded;
use crate::support::program;
use crate::support::registry::Request;
use crate::support::scout::Scout;

/// Longest that indexing and a few rounds may take.
const ROUNDS: Duration = Duration::from_secs(60);

/// Watches with the shortest interval; returns what one round asks in which nothing has changed.
fn unchanged_round(artifactory: &Artifactory) -> Vec<Request> {
    let scout = Scout::new();
    let more = ["--all-images", "--interval", "1", "--refresh-registry"];
    let mut command = scout.watch_command(&artifactory.registry(""), &more);
    command
        .env("DOCKER_SCOUT_ARTIFACTORY_API_USER", READER)
        .env("DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD", PASSWORD);
    let watcher = Guarded::start(&command, &scout.dir().with_extension("log"));
    program::until("all images indexed", ROUNDS, || {
        assert!(watcher.is_running(), "{}", watcher.stderr());
        let images = scout.dir().exists().then(|| scout.scout(&["images"]))?;
        let indexed = images.stdout.matches("indexed").count();
        (indexed == DISTINCT).then_some(())
    });
    let (_, start) = artifactory.requests_since(0);
    let begins = |request: &Request| {
        request
            .path
            .contains("/api/repositories?packageType=docker")
    };
    let requests = program::until("two more rounds", ROUNDS, || {
        let (requests, _) = artifactory.requests_since(start);
        let rounds = requests.iter().filter(|one| begins(one)).count();
        (rounds >= 3).then_some(requests)
    });
    let mut starts = (0..requests.len()).filter(|index| begins(&requests[*index]));
    let (_, second, third) = (starts.next(), starts.next(), starts.next());
    requests[second.unwrap()..third.unwrap()].to_vec()
}

/// Different images in different repositories are different artifacts.
const DISTINCT: usize = PUSHED.len();

fn count(requests: &[Request], part: &str) -> usize {
    requests
        .iter()
        .filter(|one| one.path.contains(part))
        .count()
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_unchanged_round_asks_nothing_of_tags_where_searching_is_allowed() {
    let artifactory = stocked(Login::Basic);
    let requests = unchanged_round(&artifactory);
    assert_eq!(count(&requests, "/manifests/"), 0, "{requests:#?}");
    assert_eq!(count(&requests, "/blobs/"), 0, "{requests:#?}");
    assert_eq!(count(&requests, "/api/storage/"), 0, "{requests:#?}");
    assert!(
        requests.iter().all(|one| one.status == 200),
        "{requests:#?}"
    );
    // One list each of repositories (two package types), images, tags; one search for a key.
    assert_eq!(count(&requests, "/_catalog"), 3, "{requests:#?}");
    assert_eq!(count(&requests, "/tags/list"), 6, "{requests:#?}");
    assert!(count(&requests, "/search/aql") <= 3, "{requests:#?}");
    assert!(requests.len() <= PUSHED.len() * 2, "{requests:#?}");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_unchanged_round_asks_once_for_each_tag_where_searching_is_refused() {
    let artifactory = stocked(Login::Basic);
    artifactory.change(|state| state.search_status = Some(403));
    let requests = unchanged_round(&artifactory);
    let heads = requests
        .iter()
        .filter(|one| one.method == "HEAD" && one.path.contains("/manifests/"));
    assert_eq!(heads.count(), PUSHED.len(), "{requests:#?}");
    assert_eq!(count(&requests, "/manifests/"), PUSHED.len());
    assert_eq!(count(&requests, "/blobs/"), 0, "{requests:#?}");
    assert_eq!(count(&requests, "/api/storage/"), 0, "{requests:#?}");
    assert_eq!(count(&requests, "/search/aql"), 0, "{requests:#?}");
}
