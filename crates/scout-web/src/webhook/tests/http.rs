//! A client that sends what it is told, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Client<S> {
    stream: S,
    unread: Vec<u8>,
}

pub(super) async fn connect(address: SocketAddr) -> Client<TcpStream> {
    Client::new(TcpStream::connect(address).await.unwrap())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Says that nothing more is sent.
    pub(super) async fn end_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Returns the next answer's status and body; nothing if the connection ends.
    pub(super) async fn answer(&mut self) -> Option<(u16, String)> {
        let head_end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.unread.drain(..head_end).collect();
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            self.more().await?;
        }
        let body = self.unread.drain(..length).collect();
        Some((status, String::from_utf8(body).unwrap()))
    }

    /// Returns whether the other side has closed without saying anything more.
    pub(super) async fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && self.more().await.is_none()
    }

    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        // A connection that is cut off may end with a reset.
        let length = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.unread.extend_from_slice(&chunk[..length]);
        (length > 0).then_some(())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|found| found == wanted)
}
