//! The server: connections with limits, with TLS or without, and an end that comes.
//!
//! `axum::serve` has no limit on connections, on the time a request head may take, nor on the time
//! a shutdown may take, so connections are handled here.

mod peer;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(crate) use crate::serve::peer::Peer;
use crate::serve::peer::Peers;
use crate::tls::{HANDSHAKE_TIMEOUT, Tls};

/// How long requests may go on after the end of serving began.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);
/// Most connections at a time. Each may hold a page in memory while its caller reads slowly; more
/// wait in the queue of the operating system.
pub const MAX_CONNECTIONS: usize = 1024;
/// How long a connection may wait for the next whole request head: longer than the usual scrape
/// intervals of 15 and 30 s, so that these keep their connection.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(35);
/// Longest request head, in bytes: a bearer token and a scraper's headers have less than 1 KiB.
pub const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long a connection may live. A caller that takes this long to read an answer has gone to
/// sleep.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_secs(300);
/// How long to wait when no connection can be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most connections at a time; more wait in the queue of the operating system.
    pub(crate) connections: usize,
    /// Most of them from one network; more are closed at once.
    pub(crate) connections_of_peer: usize,
    /// Longest request head, in bytes.
    pub(crate) head_bytes: usize,
}

impl Limits {
    pub(crate) const SCRAPES: Self = Self {
        connections: MAX_CONNECTIONS,
        // All scrapers may sit behind one proxy.
        connections_of_peer: MAX_CONNECTIONS,
        head_bytes: MAX_HEAD_BYTES,
    };
}

/// What answers the requests. Each connection has a clone.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// Answers a request. Dropping the future harms nothing.
    fn handle(
        &self,
        peer: Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response> + Send;
}

/// Each request has the [`Peer`] as an extension.
impl Handler for Router {
    async fn handle(&self, peer: Peer, mut request: Request<Incoming>) -> Response {
        request.extensions_mut().insert(peer);
        let answered = TowerToHyperService::new(self.clone()).call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// Serves the routes until `shutdown` is done.
///
/// Then no new connection is taken, requests that run may end within [`SHUTDOWN_DEADLINE`], and
/// what is left is cut off. Returns how many connections were. Dropping the future cuts off all.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> usize {
    serve_within(Limits::SCRAPES, listener, None, router, shutdown).await
}

/// Serves within these limits, over TLS if there is any, as [`serve`] does.
pub(crate) async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    handler: impl Handler,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::new(limits.connections_of_peer);
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, address, slot) = accept(&listener, &slots) => {
                let peer = Peer::new(address.ip());
                let Some(place) = peers.enter(peer) else {
                    tracing::debug!(%peer, "too many connections of one sender");
                    continue;
                };
                let connection = Connection {
                    peer,
                    head_bytes: limits.head_bytes,
                    handler: handler.clone(),
                    stopped: stopped.clone(),
                };
                let tls = tls.clone();
                connections.spawn(async move {
                    connection.open(stream, tls).await;
                    drop((slot, place));
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(stop);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(SHUTDOWN_DEADLINE, all_ended).await;
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

/// Returns the next connection with its place among all.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore, so there is always a place at last.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that was accepted, without its stream.
struct Connection<H> {
    peer: Peer,
    head_bytes: usize,
    handler: H,
    stopped: watch::Receiver<()>,
}

impl<H: Handler> Connection<H> {
    /// Shakes hands, if there is TLS, and answers.
    async fn open(mut self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // Answers are written whole; waiting to fill packets would only delay small ones.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.answer(stream).await;
        };
        let handshake = async { tls.acceptor().await.accept(stream).await };
        let handshaken = tokio::select! {
            handshaken = timeout(HANDSHAKE_TIMEOUT, handshake) => handshaken,
            _ = self.stopped.changed() => return,
        };
        let peer = self.peer;
        match handshaken {
            Ok(Ok(stream)) => self.answer(stream).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Self {
            peer,
            head_bytes,
            handler,
            mut stopped,
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let handler = handler.clone();
            async move { Ok::<_, Infallible>(handler.handle(peer, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(head_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let serving_ends = tokio::select! {
            // How it ended is the caller's affair: it went away, was slow, or spoke no HTTP.
            _ = connection.as_mut() => return,
            // The sender is dropped when serving ends.
            _ = stopped.changed() => true,
            () = sleep(MAX_CONNECTION_AGE) => false,
        };
        connection.as_mut().graceful_shutdown();
        if serving_ends {
            // The deadline of all connections is that of this one.
            let _ = connection.await;
        } else {
            let _ = timeout(SHUTDOWN_DEADLINE, connection).await;
        }
    }
}

#[cfg(test)]
mod tests;
