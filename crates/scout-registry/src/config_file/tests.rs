//! Configurations of many tools, and of none.

use super::*;

const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn parse(json: &str) -> ConfigFile {
    ConfigFile::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error:?}"))
}

#[test]
fn reads_what_build_tools_write() {
    let file = parse(&format!(
        r#"{{"created":"2024-05-01T10:00:00.5Z","architecture":"arm64","os":"linux","variant":"v8",
        "config":{{"User":"app","ExposedPorts":{{"8080/tcp":{{}}}},"Env":["PATH=/bin","TOKEN=s3cret","BARE"],
        "Entrypoint":["/app"],"Cmd":["--serve"],"Labels":{{"a":"b"}},"Volumes":{{"/x":{{}}}}}},
        "rootfs":{{"type":"layers","diff_ids":["{HEX}"]}},
        "history":[{{"created_by":"COPY / /"}},{{"created_by":"USER app","empty_layer":true}}]}}"#
    ));
    assert_eq!(
        file.platform.as_ref().unwrap().to_string(),
        "linux/arm64/v8"
    );
    assert_eq!(file.diff_ids.len(), 1);
    assert_eq!(file.config.user.as_deref(), Some("app"));
    assert_eq!(file.config.entrypoint, ["/app"]);
    assert_eq!(file.config.command, ["--serve"]);
    assert_eq!(file.config.labels["a"], "b");
    assert!(file.config.exposed_ports.contains("8080/tcp"));
    assert_eq!(file.config.created.unwrap().as_second(), 1_714_557_600);
    let names: Vec<_> = file.config.environment_names.iter().collect();
    assert_eq!(names, ["BARE", "PATH", "TOKEN"]);
    assert!(!format!("{file:?}").contains("s3cret"));
    assert!(file.history[1].empty_layer && !file.history[0].empty_layer);
}

#[test]
fn nulls_and_old_forms_are_tolerated() {
    for json in [
        "{}",
        r#"{"created":null,"architecture":null,"os":null,"config":null,"rootfs":null,"history":null}"#,
        r#"{"created":"","config":{"User":null,"Env":null,"Cmd":null,"Entrypoint":null,"Labels":null,
            "ExposedPorts":null},"rootfs":{"type":"layers","diff_ids":null},
            "history":[{"created_by":null,"empty_layer":null}]}"#,
        r#"{"created":"yesterday","config":{"User":"","Env":[null,"","=x"],"Labels":{"a":null},"ExposedPorts":[]}}"#,
    ] {
        let file = parse(json);
        assert_eq!(file.platform, None, "{json}");
        assert_eq!(file.config.user, None, "{json}");
        assert_eq!(file.config.created, None, "{json}");
        assert!(file.config.environment_names.is_empty(), "{json}");
    }
    let old = parse(r#"{"config":{"Entrypoint":"/bin/sh","ExposedPorts":{"80/tcp":null}}}"#);
    assert_eq!(old.config.entrypoint, ["/bin/sh"]);
    assert!(old.config.exposed_ports.contains("80/tcp"));
}

#[test]
fn what_is_no_configuration_is_refused() {
    for json in [
        "",
        "[]",
        "null",
        r#"{"rootfs":{"diff_ids":["sha256:1"]}}"#,
        r#"{"rootfs":{"diff_ids":"x"}}"#,
        r#"{"config":{"User":7}}"#,
        &"[".repeat(100_000),
    ] {
        assert!(ConfigFile::parse(json.as_bytes()).is_err(), "{json:.40}");
    }
}
