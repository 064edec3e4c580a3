//! A blob from the network, as something a blocking thread can read.
//!
//! A bounded channel joins the two sides. A reader whose sender has gone without a word gets an
//! error, never an early end: a cut-off layer must not look like a short one.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use scout_registry::BlobStream;
use tokio::sync::mpsc;

/// How many chunks wait between network and reader; with chunks of some 16 to 64 KiB, as the
/// HTTP library hands them out, this is well under 2 MiB for each worker.
const QUEUED_CHUNKS: usize = 16;

enum Message {
    Chunk(Bytes),
    End,
    Failed(scout_registry::Error),
}

/// The reading side of a pipe.
#[derive(Debug)]
pub(crate) struct PipeReader {
    receiver: mpsc::Receiver<Message>,
    chunk: Bytes,
    ended: bool,
}

/// The sending side of a pipe.
#[derive(Debug)]
pub(crate) struct PipeWriter {
    sender: mpsc::Sender<Message>,
}

/// Makes a pipe.
pub(crate) fn pipe() -> (PipeWriter, PipeReader) {
    let (sender, receiver) = mpsc::channel(QUEUED_CHUNKS);
    (
        PipeWriter { sender },
        PipeReader {
            receiver,
            chunk: Bytes::new(),
            ended: false,
        },
    )
}

impl PipeWriter {
    /// Sends the whole stream, or its error. Ends early when the reader has gone.
    pub(crate) async fn send_all(self, mut stream: BlobStream) {
        while let Some(item) = stream.next().await {
            let message = match item {
                Ok(chunk) if chunk.is_empty() => continue,
                Ok(chunk) => Message::Chunk(chunk),
                Err(error) => {
                    // A reader that has gone has its own reason to tell.
                    let _ = self.sender.send(Message::Failed(error)).await;
                    return;
                }
            };
            if self.sender.send(message).await.is_err() {
                return;
            }
        }
        let _ = self.sender.send(Message::End).await;
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Message::Chunk(chunk)) => self.chunk = chunk,
                Some(Message::End) => self.ended = true,
                Some(Message::Failed(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::other("the transfer was given up")),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn read_all(mut reader: PipeReader) -> tokio::task::JoinHandle<io::Result<Vec<u8>>> {
        tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        })
    }

    #[tokio::test]
    async fn carries_every_byte_in_order() {
        let chunks: Vec<Bytes> = (0..100u8)
            .map(|n| Bytes::from(vec![n; usize::from(n)]))
            .collect();
        let expected: Vec<u8> = chunks.concat();
        let (writer, reader) = pipe();
        let reading = read_all(reader);
        writer
            .send_all(Box::pin(stream::iter(chunks.into_iter().map(Ok))))
            .await;
        assert_eq!(reading.await.unwrap().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_sender_that_goes_away_is_an_error_not_an_end() {
        let (writer, reader) = pipe();
        let reading = read_all(reader);
        drop(writer);
        assert!(reading.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_ends_the_sending() {
        let (writer, reader) = pipe();
        drop(reader);
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"x")));
        writer.send_all(Box::pin(endless)).await;
    }
}
