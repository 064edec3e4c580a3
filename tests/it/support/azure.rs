//! An imitation of Azure Container Registry and of what stands around it, in front of a real
//! registry: tokens and scope maps, push times, blobs elsewhere, Event Grid, and the commands of
//! `az` that make all that. What Azure refuses it refuses; each part names its sources.

mod accounts;
mod cli;
mod grid;
mod record;
mod server;
mod wire;

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use self::accounts::{Account, Accounts};
pub(crate) use self::accounts::{
    ENTRA_TOKEN, PRINCIPAL, REFRESH_TOKEN, REFRESH_USER, Rights, TENANT,
};
pub(crate) use self::grid::{Fate, Grid};
use self::server::{Server, State};
use self::wire::{Asked, Handler, Reply, Tunnel, serve};
use super::program::{self, Outcome};
use super::registry::{Auth, Registry};
use super::workspace;
use crate::azure_template::deployment::GROUP;

/// The registry's name in Azure.
pub(crate) const NAME: &str = "contoso";
/// Its group.
pub(crate) const RESOURCE_GROUP: &str = "contoso-rg";
/// Its host, for who comes through the proxy.
pub(crate) const HOST: &str = "contoso.azurecr.io";
/// Where its blobs are. No name service knows it, so none is asked in earnest.
const STORAGE: &str = "contoso-blobs.invalid";
/// Who pushes: the admin user, whose name is the registry's.
pub(crate) const ADMIN: &str = NAME;
/// Its password.
pub(crate) const ADMIN_PASSWORD: &str = "canary-admin";
/// The token that the deployment template makes.
pub(crate) const TOKEN: &str = "docker-scout-readonly-token";

/// A registry of Azure, with all around it.
#[derive(Debug)]
pub(crate) struct Azure {
    server: Server,
    /// Ends with the imitation.
    _registry: Registry,
    /// `HOST:PORT` for who comes without the proxy, and of the proxy.
    address: String,
    /// The programs `az` and `docker`, and the certificate of the authority.
    folder: TempDir,
}

impl Azure {
    /// Starts an empty registry, of which nothing was deployed yet.
    pub(crate) fn start() -> Self {
        let registry = Registry::start(Auth::None);
        let maps = accounts::system_scope_maps();
        let mut accounts = Accounts::new();
        let admin = Account::new(maps["_repositories_admin"].clone());
        let admin = admin.with_password(ADMIN_PASSWORD);
        accounts.known.insert(ADMIN.to_owned(), admin);
        let resource = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/{NAME}");
        let mut server = Server {
            state: Arc::new(Mutex::new(State::new(accounts, maps))),
            grid: Grid::new(resource, HOST.to_owned()),
            upstream: registry.host(),
            host: HOST.to_owned(),
            storage: STORAGE.to_owned(),
            plain_storage: String::new(),
        };
        let storage = handler(&server, Server::answer_storage);
        server.plain_storage = serve(Arc::clone(&storage), None);
        let folder = TempDir::new().unwrap();
        let own = handler(&server, Server::answer);
        let tunnel = Tunnel {
            tls: identity(&folder.path().join("ca.crt"), &[HOST, STORAGE]),
            hosts: vec![
                (HOST.to_owned(), Arc::clone(&own)),
                (STORAGE.to_owned(), storage),
            ],
        };
        let azure = Self {
            address: serve(own, Some(tunnel)),
            server,
            _registry: registry,
            folder,
        };
        azure.write_az();
        azure
    }

    /// Returns `HOST:PORT` for who comes without the proxy.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the environment in which [`HOST`] is this registry, and `az` works on it.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let programs = workspace::program("scout");
        let programs = programs.parent().unwrap().display();
        let (own, path) = (self.folder.path().display(), env::var("PATH").unwrap());
        vec![
            ("HTTPS_PROXY", format!("http://{}", self.address)),
            ("SSL_CERT_FILE", self.ca().display().to_string()),
            ("PATH", format!("{own}:{programs}:{path}")),
        ]
    }

    /// Returns the certificate of the authority that vouches for the registry.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Returns Event Grid.
    pub(crate) fn grid(&self) -> &Grid {
        &self.server.grid
    }

    /// Runs `az`.
    pub(crate) fn az(&self, arguments: &[&str], folder: &Path) -> Outcome {
        let mut az = Command::new(self.folder.path().join("az"));
        az.args(arguments).current_dir(folder);
        program::wait(az, program::DEADLINE)
    }

    /// Makes a token with a password and a scope map of its own.
    pub(crate) fn make_token(&self, name: &str, password: &str, rights: Rights) {
        let account = Account::new(rights).with_password(password);
        let mut state = self.server.state();
        state.accounts.known.insert(name.to_owned(), account);
    }

    /// Changes what a token's scope map allows.
    pub(crate) fn limit(&self, token: &str, rights: Rights) {
        let mut state = self.server.state();
        state.accounts.known.get_mut(token).unwrap().rights = rights;
    }

    /// Makes the token service refuse scopes that it does not grant, instead of granting less.
    pub(crate) fn refuse_scopes(&self) {
        self.server.state().accounts.refuses_scopes = true;
    }

    /// Answers 429 once to each request for a path with this in it.
    pub(crate) fn be_busy(&self, part: &'static str) {
        self.server.state().busy = Some(part);
    }

    /// Pushes an image of a layout under a name, as `docker push` does.
    #[track_caller]
    pub(crate) fn push(&self, layout: &Path, image: &str, name: &str) {
        let mut skopeo = Command::new("skopeo");
        skopeo
            .args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"])
            .args(["--dest-creds", &format!("{ADMIN}:{ADMIN_PASSWORD}")])
            .arg(format!("oci:{}:{image}", layout.display()))
            .arg(format!("docker://{}/{name}", self.address));
        program::wait(skopeo, program::DEADLINE).expect_code(0);
    }

    /// Writes a `docker` that can push these names, each an image of a layout.
    pub(crate) fn write_docker(&self, layout: &Path, images: &[(&str, &str)]) {
        let images: String = images
            .iter()
            .map(|(name, image)| format!("  {HOST}/{name}) image={image} name={name} ;;\n"))
            .collect();
        let (layout, address) = (layout.display(), &self.address);
        let script = format!(
            "#!/bin/sh\n\
             [ \"$1 $2\" = 'push --quiet' ] || exit 1\n\
             case $3 in\n{images}  *) exit 1 ;;\nesac\n\
             skopeo --insecure-policy copy -q --dest-tls-verify=false \
             --dest-creds {ADMIN}:{ADMIN_PASSWORD} \
             \"oci:{layout}:$image\" \"docker://{address}/$name\" && echo \"$3\"\n"
        );
        self.write_program("docker", &script);
    }

    /// Writes the `az` that asks us.
    fn write_az(&self) {
        let server = self.server.clone();
        let address = serve(Arc::new(move |asked| answer_az(&server, asked)), None);
        let script = format!(
            "#!/bin/sh\n\
             for word in \"$@\"; do printf '%s\\0' \"$word\"; done |\n\
             curl -sS --noproxy '*' --fail-with-body -H \"folder: $PWD\" \
             --data-binary @- http://{address}/ || {{ echo >&2; exit 1; }}\n"
        );
        self.write_program("az", &script);
    }

    fn write_program(&self, name: &str, script: &str) {
        let file = self.folder.path().join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn handler(server: &Server, answer: fn(&Server, &Asked) -> Reply) -> Handler {
    let server = server.clone();
    Arc::new(move |asked| answer(&server, asked))
}

fn answer_az(server: &Server, asked: &Asked) -> Reply {
    let text = String::from_utf8_lossy(&asked.body);
    let words: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    match cli::run(server, &words, Path::new(asked.header("folder"))) {
        Ok(out) => Reply::new(200, out),
        Err(fault) => Reply::new(400, format!("ERROR: {fault}")),
    }
}

/// Makes a certificate for hosts, and writes it for those who are to trust it.
fn identity(file: &Path, hosts: &[&str]) -> Arc<ServerConfig> {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let text = BASE64_STANDARD.encode(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    fs::write(file, pem).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    Arc::new(config)
}
