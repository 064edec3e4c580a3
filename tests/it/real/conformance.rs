//! What every integration must do, on a real registry: with each way it lets clients in.

use std::fs;
use std::sync::{Arc, OnceLock};

use scout_registry::conformance::check_all;
use scout_registry::{BuildOptions, RegistryCredentials, RegistryIntegration, RegistrySpec};
use tokio::runtime::Runtime;

use crate::examples::IMAGES;
use crate::support::openssl::Certificates;
use crate::support::program;
use crate::support::registry::{Auth, Options, PASSWORD, Registry, USER};
use crate::support::scout::Scout;
use crate::support::workspace;

/// Pushes the images of the examples.
pub(super) fn push_examples(registry: &Registry) {
    let layout = workspace::root().join("examples/registry");
    for (image, _) in IMAGES {
        registry.push(&layout, image, image, &[]);
    }
}

/// Opens what a registry string names, as the programs do.
pub(super) fn open(text: &str, credentials: RegistryCredentials) -> Arc<dyn RegistryIntegration> {
    let spec = RegistrySpec::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let ca = spec.ca_file().map(|path| fs::read(path).unwrap());
    let options = BuildOptions::new("scout-tests")
        .with_credentials(credentials)
        .with_ca_pem(ca);
    spec.build(options).unwrap()
}

/// Returns the credentials of one user.
pub(super) fn basic(user: &str, password: &str) -> RegistryCredentials {
    RegistryCredentials::Basic {
        user: user.to_owned(),
        password: password.into(),
    }
}

/// Runs what is asked of an integration. All on one runtime, which keeps their connections.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    });
    runtime.block_on(work)
}

#[track_caller]
pub(super) fn check(integration: &dyn RegistryIntegration) {
    if let Err(violation) = wait(check_all(integration)) {
        panic!("{integration:?}: {violation:?}");
    }
}

fn start(auth: Auth, tls: Option<&Certificates>) -> Registry {
    let registry = Registry::start_with(Options {
        tls,
        ..Options::new(auth)
    });
    push_examples(&registry);
    registry
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn oci_conforms_on_a_registry_that_lets_everybody_in() {
    let registry = start(Auth::None, None);
    let open = |text: &str| open(text, RegistryCredentials::Anonymous);
    check(open(&registry.registry()).as_ref());
    // Where there is no catalog, or none for us, repositories are named.
    let named = format!(
        r#"{},"repository=shop/api,shop/worker""#,
        registry.registry()
    );
    let named = open(&named);
    check(named.as_ref());
    let listed = wait(named.repositories()).unwrap();
    let names: Vec<_> = listed.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["shop/api", "shop/worker"]);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn oci_conforms_on_a_registry_with_user_and_password() {
    let registry = start(Auth::Basic, None);
    check(open(&registry.registry(), basic(USER, PASSWORD)).as_ref());
    for credentials in [basic(USER, "wrong"), RegistryCredentials::Anonymous] {
        let refused = wait(open(&registry.registry(), credentials).check()).unwrap_err();
        assert!(!refused.is_retryable(), "{refused:?}");
        assert!(!refused.advice().is_empty(), "{refused:?}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn oci_conforms_on_a_registry_with_a_token_server() {
    let registry = start(Auth::Token, None);
    let server = registry.token_server();
    let pushed = server.given().len();
    check(open(&registry.registry(), basic(USER, PASSWORD)).as_ref());
    let given = server.given().split_off(pushed);
    let asked = |scope: &str| given.iter().flatten().any(|asked| asked == scope);
    assert!(asked("registry:catalog:*"), "{given:?}");
    assert!(asked("repository:shop/api:pull"), "{given:?}");
    // Nothing more than reading is ever asked for, and one token serves several questions.
    let writes = given
        .iter()
        .flatten()
        .filter(|scope| scope.contains("push"));
    assert_eq!(writes.count(), 0, "{given:?}");
    let api = given
        .iter()
        .filter(|scopes| scopes.iter().any(|scope| scope.contains("shop/api")));
    assert_eq!(api.count(), 1, "{given:?}");
    let refused = wait(open(&registry.registry(), basic(USER, "wrong")).check()).unwrap_err();
    assert!(!refused.is_retryable(), "{refused:?}");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn oci_conforms_over_tls_with_the_registrys_own_authority_and_only_with_it() {
    let certificates = Certificates::new();
    let registry = start(Auth::Basic, Some(&certificates));
    let host = registry.host();
    let with_ca = format!(
        "type=oci,registry={host},ca={}",
        certificates.authority().display()
    );
    check(open(&with_ca, basic(USER, PASSWORD)).as_ref());

    let sweep = |registry: &str| {
        let scout = Scout::new();
        let mut command = scout.watch_command(registry, &["--all-images", "--once"]);
        command
            .env("DOCKER_SCOUT_REGISTRY_USER", USER)
            .env("DOCKER_SCOUT_REGISTRY_PASSWORD", PASSWORD);
        program::wait(command, program::DEADLINE)
    };
    sweep(&with_ca).expect_code(0);
    let refused = sweep(&format!("type=oci,registry=https://{host}")).expect_code(1);
    refused.says(&host).says("ca=");
    // Another authority is none.
    let other = Certificates::new();
    let other = other.authority();
    let refused = sweep(&format!("type=oci,registry={host},ca={}", other.display()));
    refused.expect_code(1).says("ca=");
}
