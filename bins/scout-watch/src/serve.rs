//! Serving the metrics from the watcher's own process (`--serve`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use scout_config::SystemClock;
use scout_platform::{Clock as _, Organization, Reader};
use scout_store::Store;
use scout_web::{Exporter, ExporterOptions, ReaderSource};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// A metrics endpoint that is being served.
pub(crate) struct Serving {
    address: SocketAddr,
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
        settings: &Settings,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let own = scout_config::own_token(store.as_ref(), org, &settings.data_dir, &SystemClock);
        let token = own.await?;
        let source = ReaderSource::new(Reader::new(Arc::clone(store)));
        let options = ExporterOptions::new(scout_web::Clock::new(|| SystemClock.now()));
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
            path,
            token,
            exporter,
            server,
        })
    }

    /// Returns the line that reads the metrics. Run at once, it shows what is recorded now.
    pub(crate) async fn invitation(&self) -> String {
        self.exporter.refresh().await;
        let url = format!("http://{}{}", self.address, self.path);
        format!(
            "\nMetrics are served at {url}; read them with\n  \
             curl -H \"Authorization: Bearer $(cat '{}')\" {url}\n",
            self.token.display()
        )
    }

    /// Returns when serving has ended.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.server.await.context("the server ended unexpectedly")?;
        Ok(())
    }
}
