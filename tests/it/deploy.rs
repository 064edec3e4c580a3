//! What stands in `deploy`: that it says what is documented, and only what our programs know.

pub(crate) mod families;
mod files;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::guard;
use crate::support::program::{self, DEADLINE};
use crate::support::workspace;
pub(crate) use files::{folder, text, under};

/// Files and what the documentation says of them, to the letter.
const DOCUMENTED: [(&str, &[&str]); 6] = [
    (
        "compose/prometheus/compose.yaml",
        &[
            "      - 127.0.0.1:9090:9090\n",
            "      - 127.0.0.1:3000:3000\n",
            "      - GF_SECURITY_ADMIN_USER=admin\n",
            "      - GF_SECURITY_ADMIN_PASSWORD=grafana\n",
            "      - ./prometheus:/etc/prometheus:ro\n",
        ],
    ),
    (
        "compose/prometheus/grafana/datasources/prometheus.yaml",
        &[
            "  - name: Prometheus\n",
            "    uid: PBFA97CFB590B2093\n",
            "    isDefault: true\n",
        ],
    ),
    ("compose/datadog/compose.yaml", &[AGENT]),
    ("compose/datadog/conf.yaml", &[CHECK]),
    (
        "compose/datadog/conf.direct.yaml",
        &[
            "  - openmetrics_endpoint: \
             \"https://api.scout.docker.com/v1/exporter/org/<ORG>/metrics\"\n    \
             namespace: \"scout-metrics-exporter\"\n    metrics:\n      - scout_*\n",
            CHECK,
        ],
    ),
    (
        "kubernetes/monitoring/service-monitor.yaml",
        &["      path: /v1/exporter/org/acme/metrics\n"],
    ),
];

/// Docker Docs, "Docker Scout metrics exporter", Datadog sample project, step 3.
const AGENT: &str = "  datadog-agent:
    container_name: datadog-agent
    image: gcr.io/datadoghq/agent:7
    environment:
      - DD_API_KEY=${DD_API_KEY} # e.g. 1b6b3a42...
      - DD_SITE=${DD_SITE} # e.g. datadoghq.com
      - DD_DOGSTATSD_NON_LOCAL_TRAFFIC=true
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock:ro
      - ./conf.yaml:/etc/datadog-agent/conf.d/openmetrics.d/conf.yaml:ro
      - ./token:/var/run/secrets/scout-metrics-exporter/token:ro
";

/// The same page, "Configure the Datadog agent".
pub(crate) const CHECK: &str = "    auth_token:
      reader:
        type: file
        path: /var/run/secrets/scout-metrics-exporter/token
      writer:
        type: header
        name: Authorization
        value: Bearer <TOKEN>
";

/// The same page, Prometheus sample project, step 3. The job has the organization's name, as the
/// published dashboards choose by it.
pub(crate) const PROMETHEUS: &str = "global:
  scrape_interval: 60s
  scrape_timeout: 40s
scrape_configs:
  - job_name: <ORG>
    metrics_path: /v1/exporter/org/<ORG>/metrics
    scheme: https
    static_configs:
      - targets:
          - api.scout.docker.com
    authorization:
      type: Bearer
      credentials_file: /etc/prometheus/token
";

/// Reads every document of the YAML files named on the command line.
const READ_YAML: &str = "
import sys, yaml
for name in sys.argv[1:]:
    with open(name, encoding='utf-8') as file:
        documents = list(yaml.safe_load_all(file))
    assert documents and all(isinstance(d, dict) for d in documents), name
print(len(sys.argv) - 1)
";

#[test]
fn samples_say_what_is_documented() {
    for (file, parts) in DOCUMENTED {
        let text = text(file);
        for part in parts {
            // Comments may stand between; they change nothing.
            assert!(without_comments(&text).contains(part), "{file}:\n{part}");
        }
    }
}

#[test]
fn prometheus_is_configured_as_documented_but_for_the_target() {
    let hosted = text("compose/prometheus/prometheus/prometheus.direct.yml");
    assert!(hosted.starts_with(PROMETHEUS), "{hosted}");
    let line = hosted.lines().nth(5).unwrap();
    assert_eq!(line, "    metrics_path: /v1/exporter/org/<ORG>/metrics");
    let ours = PROMETHEUS
        .replace("scheme: https", "scheme: http")
        .replace("api.scout.docker.com", "scout-exporter:9318");
    let text = text("compose/prometheus/prometheus/prometheus.yml");
    assert!(text.starts_with(&ours), "{text}");
}

#[test]
fn every_flag_is_one_that_the_program_knows() {
    let mut seen = BTreeSet::new();
    for file in under(&folder(), &["yaml", "service", "md", "toml"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (program, flag) in flags(&text) {
            let help = program::run(program, Path::new("/"), ["--help"]).expect_code(0);
            let known = help
                .stdout
                .split(|c: char| c.is_whitespace() || ",[]=<>.;:`".contains(c));
            let mut known = known.filter(|word| *word == flag);
            assert!(
                known.next().is_some(),
                "{}: {program} has no {flag}",
                file.display()
            );
            seen.insert((program, flag));
        }
    }
    for needed in [
        ("scout-exporter", "--source"),
        ("scout-watch", "--advisories"),
    ] {
        assert!(
            seen.iter()
                .any(|(program, flag)| (*program, flag.as_str()) == needed),
            "{needed:?} not in {seen:?}"
        );
    }
}

#[test]
fn every_yaml_file_can_be_read() {
    let mut probe = Command::new("python3");
    probe.args(["-c", "import yaml"]);
    if !guard::exists("python3") || program::wait(probe, DEADLINE).code != Some(0) {
        println!("skipped: python3 with yaml not found");
        return;
    }
    let files = under(&folder(), &["yaml", "yml"]);
    assert!(files.len() > 20, "{files:?}");
    let mut command = Command::new("python3");
    command.args(["-c", READ_YAML]).args(&files);
    let outcome = program::wait(command, DEADLINE).expect_code(0);
    assert_eq!(outcome.stdout.trim(), files.len().to_string());
}

#[test]
fn settings_files_are_understood() {
    let folder = TempDir::new().unwrap();
    // So that the exporter ends, too: its address is in use.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let start = |config: &Path, code: i32| {
        let config = config.to_str().unwrap();
        let arguments = [&listen, "--data-dir=none", "--config", config];
        program::run("scout-exporter", folder.path(), arguments).expect_code(code)
    };
    for file in ["systemd/scout.toml", "kubernetes/base/scout.toml"] {
        // The file is read first; then the record is missing, and waited for.
        let outcome = start(&self::folder().join(file), 1);
        outcome
            .says("nothing is recorded in none yet: waiting")
            .says("cannot listen on");
        let wrong = text(file).replace("password =", "pass =");
        let path = folder.path().join("wrong.toml");
        std::fs::write(&path, wrong).unwrap();
        start(&path, 64).says("\"pass\" is not a key");
    }
}

#[test]
fn the_script_is_the_same_everywhere() {
    let script = text("advisories/fetch-advisories.sh");
    assert_eq!(text("kubernetes/base/fetch-advisories.sh"), script);
    let mut command = Command::new("sh");
    command.arg("-n");
    command.arg(folder().join("advisories/fetch-advisories.sh"));
    program::wait(command, DEADLINE).expect_code(0);
}

#[test]
fn links_lead_somewhere_and_every_folder_is_explained() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let explained = !under(&path, &["md"]).is_empty();
        assert!(
            explained || path.is_file(),
            "{} has no README",
            path.display()
        );
    }
    for file in under(&folder(), &["md"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let path = target.split('#').next().unwrap();
            let exists = file.parent().unwrap().join(path).exists();
            assert!(exists, "{}: {target}", file.display());
        }
    }
}

#[test]
fn units_and_manifests_confine_what_they_run() {
    for unit in under(&folder().join("systemd"), &["service"]) {
        let text = std::fs::read_to_string(&unit).unwrap();
        for line in [
            "User=scout\n",
            "CapabilityBoundingSet=\n",
            "NoNewPrivileges=yes\n",
            "ProtectSystem=strict\n",
            "SystemCallFilter=@system-service\n",
        ] {
            assert!(text.contains(line), "{}: {line}", unit.display());
        }
    }
    for file in ["base/stateful-set.yaml", "hosted/deployment.yaml"] {
        let text = text(&format!("kubernetes/{file}"));
        // One place defines it, the others point to it.
        let confined = text.matches("securityContext: *confined").count()
            + text.matches("readOnlyRootFilesystem: true").count();
        let containers = text.matches("          image: ").count();
        assert_eq!(confined, containers, "{file}");
        assert!(text.contains("runAsNonRoot: true"), "{file}");
    }
    for file in ["base", "hosted"] {
        let text = text(&format!("kubernetes/{file}/namespace.yaml"));
        assert!(text.contains("pod-security.kubernetes.io/enforce: restricted"));
    }
}

/// Returns a text without lines that are comments.
fn without_comments(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect()
}

/// Returns what stands behind our programs, on their line and on the lines of a list after it.
fn flags(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut program = None;
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let words: Vec<_> = line
            .split(|c: char| c.is_whitespace() || ",[]|`'\"".contains(c))
            .filter(|word| !word.is_empty())
            .map(|word| word.rsplit('/').next().unwrap())
            .collect();
        let named = ["scout-exporter", "scout-watch"].into_iter().find(|name| {
            words
                .iter()
                .any(|word| word.trim_start_matches("ExecStart=") == *name)
        });
        let continues = line.trim_start().starts_with("- --") || line.starts_with("  --all");
        program = named.or_else(|| program.filter(|_| continues));
        let Some(program) = program else { continue };
        // `scout` has flags of its own, and so has whatever runs a container.
        if words.contains(&"scout") || words.contains(&"docker") || words.contains(&"systemctl") {
            continue;
        }
        let flags = words.into_iter().filter(|word| word.starts_with("--"));
        found.extend(flags.map(|word| {
            let name = word.split('=').next().unwrap();
            (program, name.to_owned())
        }));
    }
    found
}

#[test]
fn flags_are_found_where_they_stand() {
    let text = "    command:\n      - scout-exporter\n      - --org=${ORG:?a --b}\n      # - --c\n      - --d=e\n    \
                volumes:\n      - --f\n    command: [scout-watch, --g, \"h\"]\n\
                ExecStart=/usr/bin/scout-watch --i /j/k $L\n";
    let found: Vec<_> = flags(text).into_iter().map(|(_, flag)| flag).collect();
    assert_eq!(found, ["--org", "--b}", "--d", "--g", "--i"]);
}

/// Returns the files of the dashboards.
pub(crate) fn dashboards() -> Vec<PathBuf> {
    under(&folder().join("grafana"), &["json"])
}

#[test]
fn the_workspace_is_built_by_the_container_file() {
    let text = text("container/Containerfile");
    for program in ["scout", "scout-watch", "scout-exporter"] {
        assert!(
            text.contains(&format!("target/release/{program} ")),
            "{program}"
        );
    }
    let manifest = std::fs::read_to_string(workspace::root().join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("target-dir"));
    assert!(text.contains("USER 65532:65532\n"));
}
