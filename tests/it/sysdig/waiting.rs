//! Why what runs is not analyzed: each reason is told, and goes when it does not hold any more.

use serde_json::json;

use super::*;
use crate::support::layout::{Layout, debian, digest};
use crate::support::sysdig::API_TOKEN;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Returns the container that runs an image of a layout.
fn container(layout: &Layout, image: &Value) -> Container {
    let manifest = image["digest"].as_str().unwrap();
    let bytes = fs::read(layout.blob(manifest)).unwrap();
    let content: Value = serde_json::from_slice(&bytes).unwrap();
    let name = &image["annotations"]["org.opencontainers.image.ref.name"];
    Container {
        image_id: content["config"]["digest"].as_str().unwrap().to_owned(),
        manifest: manifest.to_owned(),
        reference: format!("localhost/{}", name.as_str().unwrap()),
        ..stranger()
    }
}

/// Adds an image for two platforms; returns the container that runs the one that is not wanted.
fn of_two_platforms(layout: &mut Layout, name: &str) -> Container {
    let of = |layout: &Layout, architecture: &str| {
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = layout.put(CONFIG, config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
        });
        let mut entry = layout.put(MANIFEST, manifest.to_string().as_bytes());
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        (config, entry)
    };
    let ((_, amd), (config, arm)) = (of(layout, "amd64"), of(layout, "arm64"));
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [amd, arm]});
    layout.manifest(name, INDEX, index.to_string().as_bytes());
    Container {
        image_id: config["digest"].as_str().unwrap().to_owned(),
        manifest: arm["digest"].as_str().unwrap().to_owned(),
        reference: format!("localhost/{name}"),
        ..stranger()
    }
}

#[test]
fn every_reason_is_told_and_goes_when_it_is_mended() {
    let (scout, sysdig) = (Scout::new(), Sysdig::start());
    sysdig.state().is_v1_only = true;
    let mut layout = Layout::new();
    let old = layout.image("shop/old:1", &[debian("old", "1")]);
    let path = format!("path={}", layout.path().display());
    let images = ["integration", "add", "oci-dir", "--name", "images"];
    let images = [&images[..], &["--parameter", &path]].concat();
    scout.scout(&images).expect_code(0);
    sysdig.run("east", &[container(&layout, &old)]);
    let with_token = |mut command: Command| {
        command.env("TEST_TOKEN", API_TOKEN);
        program::wait(command, program::DEADLINE)
    };
    let more = ["cluster=east", "environment=production"];
    with_token(add_command(&scout, &sysdig, "east", &more)).expect_code(0);
    // What was there before the first sweep is not analyzed.
    let watched = with_token(watch_command(&scout, &["--once"])).expect_code(0);
    watched.says("1 waiting (1 below-baseline)");

    let good = layout.image("shop/good:1", &[debian("good", "1")]);
    let other = of_two_platforms(&mut layout, "shop/other:1");
    let layer = layout.layer(&debian("damaged", "1"));
    let diff_id = digest(&debian("damaged", "1"));
    let damaged = layout.image_of("shop/damaged:1", std::slice::from_ref(&layer), &[diff_id]);
    let blob = layout.blob(layer["digest"].as_str().unwrap());
    let sound = fs::read(&blob).unwrap();
    fs::write(&blob, vec![b'x'; sound.len()]).unwrap();
    let all = [&old, &good, &damaged].map(|image| container(&layout, image));
    sysdig.run("east", &[&all[..], &[other, stranger()]].concat());
    let watched = with_token(watch_command(&scout, &["--once"])).expect_code(1);
    watched.says("5 images running, 1 analyzed, 4 waiting");
    let expected = ["below-baseline", "failed", "never-seen", "other-platform"];
    let expected: BTreeMap<_, _> = expected.map(|reason| (reason.to_owned(), 1)).into();
    assert_eq!(reasons(&scout, "production"), expected);
    let shown = ["environment", "production", "--format", "table"];
    let shown = scout.scout(&shown).expect_code(0);
    shown.says("shop/damaged").says("shop/other");

    // Each is mended in its way; what nobody has waits on.
    fs::write(&blob, sound).unwrap();
    scout.scout(&["images", "retry", "--failed"]).expect_code(0);
    let every = ["--once", "--all-images", "--platform", "all"];
    let watched = with_token(watch_command(&scout, &every)).expect_code(0);
    watched.says("5 images running, 4 analyzed, 1 waiting (1 never-seen)");
}
