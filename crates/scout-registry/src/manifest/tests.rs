//! Manifests of many tools, and of none.

use super::*;

const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn descriptor(media_type: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{HEX}","size":7}}"#)
}

fn image(head: &str, config: &str, layers: &str) -> String {
    format!(
        r#"{{{head}"config":{},"layers":{layers}}}"#,
        descriptor(config)
    )
}

fn parse(stated: Option<&str>, json: &str) -> Result<Manifest, InvalidManifest> {
    Manifest::parse(stated, json.as_bytes())
}

fn parse_image(stated: Option<&str>, json: &str) -> ImageManifest {
    match parse(stated, json).unwrap() {
        Manifest::Image(image) => image,
        Manifest::Index(index) => panic!("{index:?}"),
    }
}

#[test]
fn the_type_comes_from_the_body_then_from_what_led_to_it_then_from_the_shape() {
    let typed = format!(r#""mediaType":"{}","#, media_type::DOCKER_MANIFEST);
    for (head, stated, expected) in [
        (
            typed.as_str(),
            Some(media_type::DOCKER_MANIFEST),
            media_type::DOCKER_MANIFEST,
        ),
        (
            &typed,
            Some("application/octet-stream"),
            media_type::DOCKER_MANIFEST,
        ),
        (&typed, None, media_type::DOCKER_MANIFEST),
        (
            "",
            Some(media_type::DOCKER_MANIFEST),
            media_type::DOCKER_MANIFEST,
        ),
        (
            "",
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            media_type::OCI_MANIFEST,
        ),
        ("", Some("application/json"), media_type::OCI_MANIFEST),
        (r#""mediaType":"","#, None, media_type::OCI_MANIFEST),
        (r#""mediaType":null,"#, None, media_type::OCI_MANIFEST),
    ] {
        let json = image(head, media_type::OCI_CONFIG, "[]");
        let parsed = parse_image(stated, &json);
        assert_eq!(parsed.media_type, expected, "{head} {stated:?}");
    }
}

#[test]
fn what_could_mean_two_things_is_refused() {
    let config = descriptor(media_type::OCI_CONFIG);
    let image_type = media_type::OCI_MANIFEST;
    let index_type = media_type::OCI_INDEX;
    for (stated, json, expected) in [
        (None, "[]".to_owned(), "not a JSON"),
        (None, "{".to_owned(), "not a JSON"),
        (None, "{}".to_owned(), "neither"),
        (
            None,
            r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(),
            "schema 1",
        ),
        (
            Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "{}".to_owned(),
            "schema 1",
        ),
        (
            Some(index_type),
            format!(r#"{{"mediaType":"{image_type}","config":{config},"layers":[]}}"#),
            "announced as",
        ),
        (
            None,
            format!(r#"{{"config":{config},"layers":[],"manifests":[]}}"#),
            "at once",
        ),
        (
            Some(image_type),
            r#"{"manifests":[]}"#.to_owned(),
            "at once",
        ),
        (
            None,
            format!(r#"{{"mediaType":"application/x","config":{config}}}"#),
            "neither",
        ),
        (
            Some(image_type),
            r#"{"layers":[]}"#.to_owned(),
            "no configuration",
        ),
        (
            None,
            r#"{"config":{"digest":"sha256:1","size":1}}"#.to_owned(),
            "damaged",
        ),
        (
            None,
            format!(r#"{{"config":{{"digest":"{HEX}","size":-1}}}}"#),
            "damaged",
        ),
        (
            None,
            format!(r#"{{"config":{config},"layers":[null]}}"#),
            "damaged",
        ),
    ] {
        let error = parse(stated, &json).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    let many = vec![config.clone(); Manifest::MAX_LAYERS + 1].join(",");
    assert!(matches!(
        parse(None, &format!(r#"{{"config":{config},"layers":[{many}]}}"#)),
        Err(InvalidManifest::TooManyLayers)
    ));
}

#[test]
fn nulls_in_odd_places_are_tolerated() {
    let json = format!(
        r#"{{"schemaVersion":2,"mediaType":null,"artifactType":null,"config":{},
            "layers":null,"annotations":{{"a":null,"b":"c","d":1}},"subject":null,"new":[1]}}"#,
        descriptor(media_type::OCI_CONFIG)
    );
    let parsed = parse_image(None, &json);
    assert!(parsed.layers.is_empty());
    assert_eq!(parsed.annotations.len(), 1);
    assert!(parsed.is_container_image());
}

#[test]
fn artifacts_are_told_from_images() {
    let layer = |kind: &str| format!("[{}]", descriptor(kind));
    let gzip = layer("application/vnd.oci.image.layer.v1.tar+gzip");
    for (head, config, layers, expected) in [
        ("", media_type::OCI_CONFIG, gzip.as_str(), true),
        ("", media_type::DOCKER_CONFIG, &gzip, true),
        ("", media_type::OCI_CONFIG, "[]", true),
        (
            "",
            "application/vnd.cncf.helm.config.v1+json",
            &layer("application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
            false,
        ),
        (
            "",
            media_type::OCI_CONFIG,
            &layer("application/vnd.dev.cosign.simplesigning.v1+json"),
            false,
        ),
        (
            "",
            media_type::OCI_CONFIG,
            &layer("application/vnd.in-toto+json"),
            false,
        ),
        (
            r#""artifactType":"application/vnd.docker.attestation.manifest.v1+json","#,
            "application/vnd.oci.empty.v1+json",
            &layer("application/vnd.in-toto+json"),
            false,
        ),
        (
            "",
            "application/vnd.wasm.config.v0+json",
            &layer("application/wasm"),
            false,
        ),
    ] {
        let parsed = parse_image(None, &image(head, config, layers));
        assert_eq!(parsed.is_container_image(), expected, "{parsed:?}");
    }
}

#[test]
fn an_artifact_says_what_it_is() {
    let layers = format!("[{}]", descriptor("application/vnd.in-toto+json"));
    let parsed = parse_image(None, &image("", media_type::OCI_CONFIG, &layers));
    assert_eq!(parsed.kind(), "application/vnd.in-toto+json");
    let chart = "application/vnd.cncf.helm.config.v1+json";
    assert_eq!(parse_image(None, &image("", chart, "[]")).kind(), chart);
}

#[test]
fn one_broken_entry_of_an_index_does_not_lose_the_rest() {
    let entry = |platform: &str, extra: &str| {
        format!(
            r#"{{"mediaType":"{}","digest":"{HEX}","size":7,"platform":{platform}{extra}}}"#,
            media_type::OCI_MANIFEST
        )
    };
    let json = format!(
        r#"{{"manifests":[{},{},{},{},{},{{"digest":"md5:1","size":1}},7]}}"#,
        entry(
            r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#,
            ""
        ),
        entry(r#"{"architecture":"amd64"}"#, ""),
        entry("null", ""),
        entry(r#"{"os":"unknown","architecture":"unknown"}"#, ""),
        entry(
            r#"{"os":"linux","architecture":"amd64"}"#,
            r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#
        ),
    );
    let Manifest::Index(index) = parse(None, &json).unwrap() else {
        panic!("not an index");
    };
    let seen: Vec<_> = index
        .entries
        .iter()
        .map(|entry| {
            let platform = entry.platform().map(ToString::to_string);
            (platform, entry.is_attestation())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some("linux/arm64/v8".to_owned()), false),
            (None, false),
            (None, false),
            (Some("unknown/unknown".to_owned()), true),
            (Some("linux/amd64".to_owned()), true),
        ]
    );
    assert_eq!(index.unreadable.len(), 2, "{:?}", index.unreadable);
    assert!(index.unreadable[0].contains("md5:1"));
}

#[test]
fn an_index_without_entries_is_an_index() {
    for json in [
        r#"{"manifests":[]}"#.to_owned(),
        format!(
            r#"{{"mediaType":"{}","manifests":null}}"#,
            media_type::OCI_INDEX
        ),
    ] {
        let parsed = parse(None, &json).unwrap();
        assert!(matches!(&parsed, Manifest::Index(index) if index.entries.is_empty()));
        assert!(!parsed.is_container_image());
    }
}
