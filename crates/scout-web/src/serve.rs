//! The server: connections with limits, and an end that comes.
//!
//! `axum::serve` has no limit on connections, on the time a request head may take, nor on the time
//! a shutdown may take, so connections are handled here.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

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

/// Serves the routes until `shutdown` is done.
///
/// Then no new connection is taken, requests that run may end within [`SHUTDOWN_DEADLINE`], and
/// what is left is cut off. Returns how many connections were. Dropping the future cuts off all.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (connection, slot) = accept(&listener, &slots) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    handle(connection, router, stopped).await;
                    drop(slot);
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

/// Returns the next connection with its place among [`MAX_CONNECTIONS`].
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore, so there is always a place at last.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((connection, _)) => return (connection, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn handle(stream: TcpStream, router: Router, mut stopped: watch::Receiver<()>) {
    // Answers are written whole; waiting to fill packets would only delay small ones.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
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

#[cfg(test)]
mod tests;
