//! Answers a sender that asks, while its side is being set up, whether webhooks are wanted.
//! Nothing is saved yet, so what it sends otherwise is told to come again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use scout_config::{OpenedRegistry, StopSignal};
use scout_envs::IntegrationName;
use scout_registry::events::Event;
use scout_web::{
    EventSink, Recorded, SinkError, Tls, TlsFiles, WebhookOptions, WebhookReceiver, WebhookRoute,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::output::print;

/// How often is looked whether the sender has asked.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Listens until the sender has asked and was answered.
///
/// # Errors
///
/// If nobody could ask, or somebody stops us before anybody does.
pub(crate) async fn wait(name: &IntegrationName, opened: &OpenedRegistry) -> anyhow::Result<()> {
    let Some(webhook) = &opened.webhook else {
        bail!("--wait answers at port=, so give port= and webhook-secret=");
    };
    let tls = match &webhook.tls {
        Some(files) => {
            let files = TlsFiles::new(&files.certificate, &files.key);
            Some(Tls::load(files).await.context("cannot receive webhooks")?)
        }
        None => None,
    };
    let route = WebhookRoute::new(name.as_str(), Arc::clone(&opened.registry));
    let options = WebhookOptions::default();
    let receiver = WebhookReceiver::new(vec![route], Arc::new(Nowhere), options)
        .context("cannot receive webhooks")?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, webhook.port));
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot receive webhooks at {address}; if scout-watch has that port, give this \
             integration another one"
        )
    })?;
    let mut signal = StopSignal::catch().context("cannot catch signals")?;
    print(&format!("Waiting to be asked at {address}/{name} …\n"))?;
    let stop = CancellationToken::new();
    let running = receiver.run(listener, tls, stop.clone().cancelled_owned());
    let asked = async {
        while receiver.stats().values().all(|stats| stats.ignored == 0) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // What was begun is ended: the answer is on its way.
        stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = running => print("The question came, and was answered.\n"),
        () = asked => Ok(()),
        () = signal.wait() => bail!("stopped before anybody asked"),
    }
}

/// Where events go while nothing is saved.
struct Nowhere;

#[async_trait::async_trait]
impl EventSink for Nowhere {
    async fn record(&self, _: &str, _: Vec<Event>) -> Result<Recorded, SinkError> {
        Err(SinkError::Full)
    }
}
