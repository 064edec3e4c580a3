//! Serving the metrics from the watcher's own process (`--serve`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use scout_config::SystemClock;
use scout_platform::{Clock as _, Organization, Reader};
use scout_store::Store;
use scout_web::{Exporter, ExporterOptions, ReaderSource, Tls, TlsFiles};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::settings::{Serve, Settings};

/// A metrics endpoint that is being served.
pub(crate) struct Serving {
    address: SocketAddr,
    /// The certificate, if it is HTTPS.
    certificate: Option<PathBuf>,
    path: String,
    token: PathBuf,
    exporter: Exporter,
    server: JoinHandle<usize>,
}

pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

impl Serving {
    /// Makes sure that there is a token, and serves until `stop` is cancelled.
    pub(crate) async fn start(
        listener: TcpListener,
        store: &Arc<dyn Store>,
        org: &Organization,
        (settings, serve): (&Settings, &Serve),
        health: &Arc<Health>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let tls = match serve.arguments.tls() {
            Some((certificate, key)) => Some(Tls::load(TlsFiles::new(certificate, key)).await?),
            None => None,
        };
        let own = scout_config::own_token(store.as_ref(), org, &settings.data_dir, &SystemClock);
        let token = own.await?;
        let source = ReaderSource::new(Reader::new(Arc::clone(store)));
        let arguments = &serve.arguments;
        if arguments.has_idle_ttl() {
            tracing::warn!("{}", arguments.idle_ttl());
        }
        let options = ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now()))
            .with_cache(arguments.cache_mode(), arguments.cache_ttl())
            .with_extended(serve.extended.budget())
            .with_public_address(serve.public_address.clone())
            .with_own(Arc::clone(health) as _)
            .with_tls(tls);
        let exporter = Exporter::new(Arc::new(source), options);
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        let server = exporter.clone();
        let server =
            tokio::spawn(async move { server.run(listener, stop.cancelled_owned()).await });
        let path = scout_api::metrics_path(&org.name);
        Ok(Self {
            address,
            certificate: arguments.tls().map(|(certificate, _)| certificate.clone()),
            path,
            token,
            exporter,
            server,
        })
    }

    /// Returns the line that reads the metrics. Run at once, it shows what is recorded now.
    pub(crate) async fn invitation(&self) -> String {
        self.exporter.refresh().await;
        let (scheme, trust, advice) = match &self.certificate {
            None => ("http", String::new(), ""),
            Some(certificate) => (
                "https",
                format!("--cacert '{}' ", certificate.display()),
                "If another authority signed the certificate, give its own to --cacert, or leave \
                 that out if the system\ntrusts it; and write a name that is in the certificate \
                 instead of the address.\n",
            ),
        };
        let url = format!("{scheme}://{}{}", self.address, self.path);
        format!(
            "\nMetrics are served at {url}; read them with\n  \
             curl {trust}-H \"Authorization: Bearer $(cat '{}')\" {url}\n{advice}",
            self.token.display()
        )
    }

    /// Returns when serving has ended.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.server.await.context("the server ended unexpectedly")?;
        Ok(())
    }
}
