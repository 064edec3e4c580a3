//! `docs/artifactory.md`, command by command, and the webhooks that come while it is followed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{PASSWORD, stocked};
use crate::support::artifactory::{ADMIN_TOKEN, Artifactory, Delivered, Login, READER, signature};
use crate::support::program;
use crate::support::registry::free_port;
use crate::support::transcript::{Session, Transcript};
use crate::support::workspace;

/// Longest from a push until the image is shown, with a machine that does other things as well.
const SHOWN: Duration = Duration::from_secs(20);

/// What messages suggest, whatever is used.
const SUGGESTED_KEYS: &str = "port=9000 --parameter webhook-secret=file:PATH";
const SUGGESTED_API: &str = "as in https://example.jfrog.io/artifactory";

/// What stands for the document's names.
fn replacements(artifactory: &Artifactory, port: u16, dir: &Path) -> Vec<(&'static str, String)> {
    let host = artifactory.host();
    let below = |name: &str| dir.join(name).display().to_string();
    let advisories = workspace::root().join("examples/advisories");
    let skopeo = format!(
        "skopeo --insecure-policy copy --dest-tls-verify=false --dest-creds {} ",
        Artifactory::writer()
    );
    vec![
        ("https://example.jfrog.io", format!("http://{host}")),
        ("example.jfrog.io", host.clone()),
        // The subdomains have no address here.
        (
            "docker://docker-local.example.jfrog.io",
            format!("docker://{host}/docker-local"),
        ),
        ("skopeo copy ", skopeo),
        ("watcher.example.com:9000", format!("127.0.0.1:{port}")),
        ("port=9000", format!("port={port}")),
        // What is only suggested stays.
        (SUGGESTED_KEYS, SUGGESTED_KEYS.to_owned()),
        (SUGGESTED_API, SUGGESTED_API.to_owned()),
        ("port 9000", format!("port {port}")),
        (":9000", format!(":{port}")),
        ("<user>", READER.to_owned()),
        ("<password-or-access-token>", PASSWORD.to_owned()),
        ("<access-token-of-an-administrator>", ADMIN_TOKEN.to_owned()),
        ("/var/lib/scout", below("data")),
        ("/etc/scout", below("etc")),
        ("/srv/advisories", advisories.display().to_string()),
    ]
}

/// Writes an image of the examples as `docker save` does.
fn save(image: &str, to: &Path) {
    let mut skopeo = Command::new("skopeo");
    let layout = workspace::root().join("examples/registry");
    skopeo
        .args(["--insecure-policy", "copy", "-q"])
        .arg(format!("oci:{}:{image}", layout.display()))
        .arg(format!("docker-archive:{}:frontend:2.0", to.display()));
    program::wait(skopeo, program::DEADLINE).expect_code(0);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_page_on_artifactory_is_true_command_by_command() {
    let artifactory = stocked(Login::Basic);
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    save("shop/api:2.1", &dir.path().join("frontend.tar"));
    let port = free_port();
    let replacements = replacements(&artifactory, port, dir.path());
    let page = Transcript::read("docs/artifactory.md");
    let mut session = page.start(&replacements, &[], dir.path());
    session.run_to("pushed");
    let secret = session.run("echo -n $DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET");
    let secret = secret.stdout;
    assert!((64..=128).contains(&secret.len()), "{} bytes", secret.len());
    check_signed(&artifactory, &session, &secret);
    check_refused(&artifactory, &session, &secret);
    let log = session.output_of("watcher");
    assert!(!log.contains(&secret), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
    session.finish();
}

fn images(session: &Session) -> String {
    session.run("scout images --org acme").expect_code(0).stdout
}

/// The push of the page was delivered once, signed, and a repetition changes nothing.
#[track_caller]
fn check_signed(artifactory: &Artifactory, session: &Session, secret: &str) {
    let delivered = program::until("delivery", SHOWN, || {
        let delivered = artifactory.delivered();
        (!delivered.is_empty()).then_some(delivered)
    });
    let [delivery] = delivered.as_slice() else {
        panic!("{delivered:?}");
    };
    assert_eq!(delivery.status, Some(200));
    let auth = delivery.auth.as_deref().unwrap();
    assert_eq!(auth, signature(secret, &delivery.body));
    let before = images(session);
    assert_eq!(delivery.send(), Some(200), "a repetition");
    assert_eq!(images(session), before);
}

/// What is not genuine, or no event, is answered as makes the sender stop, and changes nothing.
#[track_caller]
fn check_refused(artifactory: &Artifactory, session: &Session, secret: &str) {
    let good = artifactory.delivered().remove(0);
    let text = String::from_utf8(good.body.clone()).unwrap();
    let signed = |body: &str| Delivered {
        auth: Some(signature(secret, body.as_bytes())),
        body: body.as_bytes().to_vec(),
        ..good.clone()
    };
    let with_auth = |auth: Option<&str>| Delivered {
        auth: auth.map(str::to_owned),
        ..good.clone()
    };
    let tampered = Delivered {
        body: text.replace("frontend", "frontend-forged").into(),
        ..good.clone()
    };
    let long = format!("{text}{}", " ".repeat(2 << 20));
    let before = images(session);
    for (what, delivery, expected) in [
        ("no secret", with_auth(None), 401),
        ("another secret", with_auth(Some("wrong")), 401),
        ("an empty one", with_auth(Some("")), 401),
        ("an old-fashioned one", with_auth(Some("sha1=00")), 401),
        ("another body", tampered, 401),
        (
            "signed with another secret",
            {
                let auth = signature("wrong", &good.body);
                with_auth(Some(&auth))
            },
            401,
        ),
        ("too long", signed(&long), 413),
        ("cut off", signed(&text[..text.len() / 2]), 400),
        ("no event", signed("[]"), 400),
        (
            "another domain",
            signed(&text.replace("\"domain\":\"docker\"", "\"domain\":\"artifact\"")),
            200,
        ),
        (
            "another repository",
            signed(&text.replace("docker-local", "docker-prod")),
            200,
        ),
        (
            "what is not selected",
            signed(&text.replace("team/frontend", "dta/frontend")),
            200,
        ),
        (
            "no such name",
            signed(&text.replace("team/frontend", "../../Team")),
            200,
        ),
        // Where to ask is never the sender's word.
        (
            "another host",
            signed(&text.replace("https://example.jfrog.io", "http://10.0.0.1")),
            200,
        ),
    ] {
        assert_eq!(delivery.send(), Some(expected), "{what}");
    }
    let elsewhere = Delivered {
        url: format!("{}/no-such", good.url),
        ..good
    };
    assert_eq!(elsewhere.send(), Some(404));
    assert_eq!(images(session), before);
}
