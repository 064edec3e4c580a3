//! What Event Grid sends, what others might send in its name, and what it does with the answers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::walk::{AT_ONCE, SECRET, WEBHOOK, Walk, check_no_secret};
use crate::support::azure::Fate;
use crate::support::program;

const HEADER: &str = "x-scout-webhook-secret";
const DIGEST: &str = "sha256:213bbc182920ab41e18edc2001e06abcca6735d87782d9cef68abd83941cf0e5";

/// Returns a push as Event Grid tells it.
fn pushed(id: &str, repository: &str, host: &str) -> Value {
    json!([{
        "id": id, "topic": "", "subject": format!("{repository}:9.9"),
        "eventType": "Microsoft.ContainerRegistry.ImagePushed", "eventTime": Timestamp::now(),
        "data": {
            "id": id, "timestamp": Timestamp::now(), "action": "push",
            "target": {"digest": DIGEST, "repository": repository, "tag": "9.9"},
            "request": {"host": host, "method": "PUT"},
        },
        "dataVersion": "1.0", "metadataVersion": "1",
    }])
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn what_is_forged_or_not_for_us_is_answered_as_event_grid_needs_it() {
    let walk = Walk::begin();
    walk.deploy();
    walk.add_with_password().expect_code(0);
    walk.run(&["repo", "enable", "shop/web"]).expect_code(0);
    let watcher = walk.watch();
    walk.until_indexed(&watcher, &["shop/web:1.0"]);
    let grid = walk.azure.grid();
    let right = [(HEADER, SECRET), ("aeg-event-type", "Notification")];
    let event = |id: &str, repository: &str, host: &str| pushed(id, repository, host).to_string();
    let own = "contoso.azurecr.io";
    let web = event("a", "shop/web", own);
    let wrong = [(HEADER, "canary-guessed")];
    let claims = [
        ("aeg-event-type", "SubscriptionValidation"),
        ("aeg-subscription-name", "IMAGE-CHANGE"),
    ];
    let long = format!("[{}]", " ".repeat(1 << 20));
    for (what, headers, body, expected) in [
        ("no secret", &[][..], web.as_str(), 401),
        ("a wrong secret", &wrong, &web, 401),
        ("an event that says it is a handshake", &claims, &web, 401),
        ("an event", &right, &web, 200),
        ("the same again", &right, &web, 200),
        (
            "another registry",
            &right,
            &event("b", "shop/web", "fabrikam.azurecr.io"),
            200,
        ),
        (
            "no repository of ours",
            &right,
            &event("c", "shop/unknown", own),
            200,
        ),
        (
            "a repository that is not enabled",
            &right,
            &event("d", "shop/worker", own),
            200,
        ),
        ("no name at all", &right, &event("e", "../..", own), 200),
        ("no event", &right, "{\"a\":", 400),
        ("too much", &right, &long, 413),
    ] {
        assert_eq!(
            grid.send(WEBHOOK, headers, body.as_bytes()),
            expected,
            "{what}"
        );
    }
    let elsewhere = "https://scout.example.com/fabrikam";
    assert_eq!(grid.send(elsewhere, &right, web.as_bytes()), 404);
    // A genuine one finds its way still, and nothing came of the others.
    walk.push("shop/worker:0.9", "shop/web:1.2");
    walk.until_indexed(&watcher, &["shop/web:1.0", "shop/web:1.2"]);
    walk.until_delivered();
    let images = walk.scout.images();
    let names: Vec<_> = images.iter().flat_map(|image| image.names()).collect();
    assert!(
        !names.iter().any(|name| name.ends_with(":9.9")),
        "{names:?}"
    );
    let outcome = watcher.guard.terminate(AT_ONCE);
    assert!(!outcome.to_string().contains("canary"), "{outcome}");
    check_no_secret(walk.scout.dir());
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn an_event_waits_for_a_watcher_that_is_away() {
    let walk = Walk::begin();
    walk.deploy();
    walk.add_with_password().expect_code(0);
    walk.run(&["repo", "enable", "shop/web"]).expect_code(0);
    let watcher = walk.watch();
    walk.until_indexed(&watcher, &["shop/web:1.0"]);
    watcher.guard.terminate(AT_ONCE);
    walk.push("shop/worker:0.9", "shop/web:1.2");
    program::until("a try in vain", AT_ONCE, || {
        let sent = walk.azure.grid().sent();
        (!sent.last()?.answers.is_empty()).then_some(())
    });
    let watcher = walk.watch();
    walk.until_indexed(&watcher, &["shop/web:1.0", "shop/web:1.2"]);
    walk.until_delivered();
    let sent = walk.azure.grid().sent();
    let answers = &sent.last().unwrap().answers;
    assert_eq!((answers.first(), answers.last()), (Some(&0), Some(&200)));
    assert_eq!(sent.last().unwrap().subject, "shop/web:1.2");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_push_of_which_no_event_tells_is_found_by_the_next_sweep() {
    let walk = Walk::begin();
    walk.deploy();
    walk.add_with_password().expect_code(0);
    let watcher = walk.watch();
    // Enabled while it runs, so no sweep has seen the repository yet.
    walk.run(&["repo", "enable", "shop/web"]).expect_code(0);
    walk.until_indexed(&watcher, &["shop/web:1.0"]);
    walk.type_in(
        "az eventgrid system-topic event-subscription delete --name image-change \
         --system-topic-name docker-scout-repository --resource-group contoso-rg --yes",
    );
    walk.push("shop/worker:0.9", "shop/web:1.2");
    watcher.guard.terminate(AT_ONCE);
    let watcher = walk.watch();
    // What was there before, 1.1, is still not wanted.
    walk.until_indexed(&watcher, &["shop/web:1.0", "shop/web:1.2"]);
    assert!(walk.azure.grid().sent().is_empty());
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_secret_is_changed_without_losing_an_event() {
    let walk = Walk::begin();
    walk.deploy();
    walk.add_with_password().expect_code(0);
    walk.run(&["repo", "enable", "shop/web"]).expect_code(0);
    let watcher = walk.watch();
    walk.until_indexed(&watcher, &["shop/web:1.0"]);

    // First Scout knows both, then Azure has the new one, then the old one is forgotten.
    walk.write("webhook-secret-previous", SECRET);
    walk.write("webhook-secret", "canary-new");
    let previous = "webhook-secret-previous=file:webhook-secret-previous";
    let update = ["integration", "update", "--name", "contoso"];
    walk.run(&[&update[..], &["--parameter", previous]].concat())
        .expect_code(0);
    let accepts = |secret: &str| {
        let headers = [(HEADER, secret), ("aeg-event-type", "Notification")];
        walk.azure.grid().send(WEBHOOK, &headers, b"[]") == 200
    };
    program::until("both secrets", AT_ONCE, || {
        accepts("canary-new").then_some(())
    });
    assert!(accepts(SECRET));
    walk.push("shop/worker:0.9", "shop/web:1.2");
    walk.until_indexed(&watcher, &["shop/web:1.0", "shop/web:1.2"]);

    walk.type_in(
        "scout integration template acr > template.json
         az deployment group create --resource-group contoso-rg --template-file template.json \
         --parameters RegistryName=contoso DockerScoutWebhook=https://scout.example.com/contoso \
         DeliveryHeaderSecret=\"$(cat webhook-secret)\" \
         EventDeliverySchema=CloudEventSchemaV1_0 DeadLetterStorageAccountId=/subscriptions/s",
    );
    walk.run(&[&update[..], &["--unset", "webhook-secret-previous"]].concat())
        .expect_code(0);
    program::until("one secret", AT_ONCE, || (!accepts(SECRET)).then_some(()));
    walk.push("shop/api:2.1", "shop/web:1.3");
    let indexed = ["shop/web:1.0", "shop/web:1.2", "shop/web:1.3"];
    walk.until_indexed(&watcher, &indexed);
    walk.until_delivered();

    // Azure has a secret that Scout does not know: the event is given up at once, and kept.
    walk.write("webhook-secret", "canary-other");
    program::until("another secret", AT_ONCE, || {
        accepts("canary-other").then_some(())
    });
    walk.push("shop/web:1.1", "shop/web:1.4");
    let last = program::until("end of the event", AT_ONCE, || {
        let sent = walk.azure.grid().sent().pop()?;
        (sent.fate != Fate::Pending).then_some(sent)
    });
    assert_eq!((last.answers, last.fate), (vec![401], Fate::DeadLettered));
    // What an event did not tell, a look at the registry does.
    drop(watcher);
    let watcher = walk.watch();
    // 1.1 is the same image.
    let all = [
        "shop/web:1.0",
        "shop/web:1.1",
        "shop/web:1.2",
        "shop/web:1.3",
        "shop/web:1.4",
    ];
    walk.until_indexed(&watcher, &all);
}
