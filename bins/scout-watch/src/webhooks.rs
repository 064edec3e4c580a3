//! Receiving the webhooks of the registries that have a port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use scout_platform::{EventRecorder, Watcher};
use scout_registry::events::Event;
use scout_store::EventsRecorded;
use scout_web::{
    EventSink, Recorded, SinkError, Tls, TlsFiles, WebhookOptions, WebhookReceiver, WebhookRoute,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, Member};
use crate::health::Health;
use crate::settings::Settings;

/// The listeners, one for each port.
#[derive(Debug)]
pub(crate) struct Receivers {
    stop: CancellationToken,
    servers: Vec<JoinHandle<usize>>,
}

impl Receivers {
    /// Listens on every port that a registry has; returns why it does not on some: a port cannot
    /// be had, a certificate cannot be used, or registries do not agree about a port.
    pub(crate) async fn start(
        fleet: &Fleet,
        watcher: &Watcher,
        settings: &Settings,
        health: &Health,
    ) -> (Self, Vec<anyhow::Error>) {
        let recorders: BTreeMap<String, EventRecorder> = fleet
            .members
            .iter()
            .map(|member| member.name.clone())
            .zip(watcher.recorders())
            .collect();
        let sink: Arc<dyn EventSink> = Arc::new(Sink(recorders));
        let mut ports: BTreeMap<u16, Vec<&Member>> = BTreeMap::new();
        for member in &fleet.members {
            if let Some(webhook) = &member.opened.webhook {
                ports.entry(webhook.port).or_default().push(member);
            }
        }
        let stop = CancellationToken::new();
        let (mut servers, mut refused) = (Vec::with_capacity(ports.len()), Vec::new());
        let mut receivers = Vec::with_capacity(ports.len());
        for (port, members) in ports {
            let address = SocketAddr::new(settings.webhook_address, port);
            match listen(address, &members, Arc::clone(&sink), stop.clone()).await {
                Ok((receiver, server)) => {
                    receivers.push(receiver);
                    servers.push(server);
                }
                Err(error) => refused.push(error),
            }
        }
        health.listen(receivers);
        (Self { stop, servers }, refused)
    }

    /// Stops listening; deliveries that have begun are finished.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        for server in self.servers {
            if server.await.is_err() {
                tracing::error!("a webhook listener ended unexpectedly");
            }
        }
    }
}

/// Listens for the registries of one port.
async fn listen(
    address: SocketAddr,
    members: &[&Member],
    sink: Arc<dyn EventSink>,
    stop: CancellationToken,
) -> anyhow::Result<(WebhookReceiver, JoinHandle<usize>)> {
    let tls = tls(members).await?;
    let routes = members
        .iter()
        .map(|member| WebhookRoute::new(&member.name, Arc::clone(&member.opened.registry)));
    let receiver = WebhookReceiver::new(routes.collect(), sink, WebhookOptions::default())
        .with_context(|| format!("cannot receive webhooks at {address}"))?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot receive webhooks at {address}; choose another port="))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    for member in members {
        tracing::info!(
            "webhooks of {} are received at {scheme}://{address}/{}",
            member.opened.registry.host(),
            member.name
        );
    }
    let server = receiver.clone();
    let server = async move { server.run(listener, tls, stop.cancelled_owned()).await };
    Ok((receiver, tokio::spawn(server)))
}

/// Returns the certificate that the registries of one port have.
async fn tls(members: &[&Member]) -> anyhow::Result<Option<Tls>> {
    let mut files = members.iter().filter_map(|member| {
        let webhook = member.opened.webhook.as_ref()?;
        Some((&member.name, webhook.port, webhook.tls.as_ref()))
    });
    let Some((first, port, tls)) = files.next() else {
        return Ok(None);
    };
    if let Some((other, ..)) = files.find(|(_, _, other)| *other != tls) {
        bail!(
            "integrations {first} and {other} share port {port}, but not webhook-cert and \
             webhook-key; give them the same, or another port"
        );
    }
    let Some(tls) = tls else {
        return Ok(None);
    };
    let files = TlsFiles::new(&tls.certificate, &tls.key);
    let loaded = Tls::load(files).await;
    Ok(Some(loaded.with_context(|| {
        format!("cannot receive webhooks on port {port}")
    })?))
}

/// Where events go: into the record, by integration.
struct Sink(BTreeMap<String, EventRecorder>);

#[async_trait::async_trait]
impl EventSink for Sink {
    async fn record(&self, integration: &str, events: Vec<Event>) -> Result<Recorded, SinkError> {
        let Some(recorder) = self.0.get(integration) else {
            let unknown = format!("there is no integration {integration}");
            return Err(SinkError::Failed(unknown.into()));
        };
        match recorder.record(events).await {
            Ok(EventsRecorded::Stored { stored, duplicates }) => {
                Ok(Recorded { stored, duplicates })
            }
            Ok(EventsRecorded::Full) => Err(SinkError::Full),
            Err(error) => Err(SinkError::Failed(error.into())),
        }
    }
}
