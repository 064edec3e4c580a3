//! A channel: where messages are sent, and how.

use std::fmt;
use std::time::Duration;

use scout_envs::OrgName;
use scout_http::{
    HeaderName, HeaderValue, HttpClient, Method, Request, header, retry_after, rule, server_time,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::answer::Answer;
use crate::error::{Error, InvalidChannel, Result};
use crate::json::{self, MAX_JSON_NOTICES, SIGNATURE_HEADER, json, signature};
use crate::notice::Batch;
use crate::selection::Selection;
use crate::slack::{self, slack};
use crate::spec::{ChannelKind, ChannelSpec};

/// How long sending one message may take, until the answer is read. Slack answers within a
/// second or two.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest answer that is read, in bytes: Slack's are one word.
const MAX_ANSWER: u64 = 4 * 1024;

/// What a channel is made of beside its parameters.
#[derive(Debug)]
pub struct ChannelOptions {
    /// How the program calls itself.
    pub user_agent: String,
    /// The address, which is a secret.
    pub url: SecretString,
    /// What messages are signed with; for the JSON webhook only.
    pub secret: Option<SecretString>,
    /// The content of the file with extra certificate authorities.
    pub ca_pem: Option<Vec<u8>>,
}

/// Where messages are sent. Redirects are not followed: the message would go where nobody
/// configured it to go.
#[derive(Clone)]
pub struct Channel {
    kind: ChannelKind,
    host: String,
    url: SecretString,
    secret: Option<SecretString>,
    selection: Selection,
    client: HttpClient,
}

impl Channel {
    /// Makes a channel; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If the address is none, or is plain http to another machine and that was not allowed; or
    /// if the certificate authorities cannot be used.
    pub fn new(spec: &ChannelSpec, options: ChannelOptions) -> Result<Self, InvalidChannel> {
        let url = address(&options.url).ok_or(InvalidChannel::NotAnAddress)?;
        let host = host(&url).ok_or(InvalidChannel::NotAnAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidChannel::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidChannel::Credentials { host });
        }
        if !rule::is_scheme_allowed(&url, spec.allows_plain_http()) {
            return Err(InvalidChannel::PlainHttp { host });
        }
        let client = HttpClient::builder(options.user_agent)
            .with_ca_pem(options.ca_pem)
            .with_plain_http(spec.allows_plain_http())
            .with_timeouts(SEND_TIMEOUT / 2, SEND_TIMEOUT)
            .build()
            .map_err(|error| InvalidChannel::Client {
                host: host.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            kind: spec.kind(),
            host,
            url: options.url,
            secret: options.secret,
            selection: spec.selection().clone(),
            client,
        })
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        self.kind
    }

    /// Returns the host that is asked, with its port if it is not the usual one. The rest of the
    /// address is a secret.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns which notices it wants.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Returns how many notices one message takes at most.
    #[must_use]
    pub fn max_notices(&self) -> usize {
        match self.kind {
            ChannelKind::Slack => usize::MAX,
            ChannelKind::Webhook => MAX_JSON_NOTICES,
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    ///
    /// If nothing says that the message was taken. It may have been all the same.
    pub async fn send(&self, batch: &Batch) -> Result<()> {
        self.post(match self.kind {
            ChannelKind::Slack => slack(batch),
            ChannelKind::Webhook => json(batch),
        })
        .await
    }

    /// Sends a message that says that it is a test.
    ///
    /// # Errors
    ///
    /// As [`Channel::send`].
    pub async fn test(&self, org: &OrgName) -> Result<()> {
        let batch = Batch {
            org: org.clone(),
            notices: Vec::new(),
            dropped: 0,
        };
        self.post(match self.kind {
            ChannelKind::Slack => slack::test(org),
            ChannelKind::Webhook => json::test(&batch),
        })
        .await
    }

    async fn post(&self, body: Vec<u8>) -> Result<()> {
        let host = self.host.as_str();
        let not_sent = || Error::NotSent {
            host: host.to_owned(),
        };
        let url = address(&self.url).ok_or_else(not_sent)?;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let mut request = Request::new(Method::POST, url).with_header(header::CONTENT_TYPE, json);
        if let Some(secret) = &self.secret {
            let name = HeaderName::from_bytes(SIGNATURE_HEADER.as_bytes());
            let value = HeaderValue::from_str(&signature(secret, &body));
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(not_sent());
            };
            request = request.with_header(name, value);
        }
        let sent = tokio::time::timeout(SEND_TIMEOUT, async {
            let response = self.client.send(request.with_body(body)).await?;
            let status = response.status().as_u16();
            let headers = response.headers();
            let retry_after = retry_after(headers, server_time(headers));
            let body = match response.bytes(MAX_ANSWER).await {
                Ok(body) => body,
                // Slack says in the body that it took the message, so it may not have.
                Err(error) if self.kind == ChannelKind::Slack && is_cut(status, &error) => {
                    return Err(error);
                }
                // Otherwise the status says it all.
                Err(_) => Default::default(),
            };
            Ok((status, retry_after, body))
        });
        let (status, retry_after, body) = sent
            .await
            .map_err(|_elapsed| Error::Timeout {
                host: host.to_owned(),
            })?
            .map_err(|error| Error::from_http(host, error))?;
        let answer = Answer {
            status,
            retry_after,
            body: &body,
        };
        answer.check(self.kind, host)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Whether an answer that began well broke off.
fn is_cut(status: u16, error: &scout_http::Error) -> bool {
    use scout_http::Error as Http;
    (200..300).contains(&status) && matches!(error, Http::Interrupted { .. } | Http::Timeout { .. })
}

/// Reads the address. One of several lines is none, though a parser of addresses joins them.
fn address(url: &SecretString) -> Option<Url> {
    let text = url.expose_secret().trim();
    let is_one = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_one.then(|| text.parse().ok()).flatten()
}

fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use scout_envs::Severity;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::notice::tests::{batch, vulnerability};

    fn channel(kind: &str, url: &str) -> Result<Channel, InvalidChannel> {
        let pairs = [("type", kind), ("url", "env:URL")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let options = ChannelOptions {
            user_agent: "test".to_owned(),
            url: url.to_owned().into(),
            secret: (kind == "webhook").then(|| "s3cret".to_owned().into()),
            ca_pem: None,
        };
        Channel::new(&ChannelSpec::new(&pairs)?, options)
    }

    /// Answers one request with this, and returns it.
    async fn exchange(kind: &str, answer: &str) -> (Result<()>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            // Head and body come in one piece or several; the body ends with `}`.
            while !request[..length].ends_with(b"}") {
                length += stream.read(&mut request[length..]).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        };
        let channel = channel(kind, &format!("http://{address}/services/T0/B0/canary")).unwrap();
        let batch = batch(vec![vulnerability("r/a", "CVE-2026-1000", Severity::High)]);
        let (sent, request) = tokio::join!(channel.send(&batch), answering);
        (sent, request)
    }

    #[tokio::test]
    async fn a_message_is_posted_as_json() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let (sent, request) = exchange("slack", answer).await;
        sent.unwrap();
        assert!(request.starts_with("POST /services/T0/B0/canary HTTP/1.1\r\n"));
        let head = request.to_ascii_lowercase();
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(!head.contains("x-scout-signature"), "{head}");
    }

    #[tokio::test]
    async fn json_is_signed() {
        let (sent, request) = exchange("webhook", "HTTP/1.1 204 No Content\r\n\r\n").await;
        sent.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let expected = signature(&"s3cret".to_owned().into(), body.as_bytes());
        assert!(
            head.contains(&format!("x-scout-signature: {expected}")),
            "{head}"
        );
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_asked_for_again() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
        let (sent, _) = exchange("slack", answer).await;
        let error = sent.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(!error.is_permanent());
        // To a program, the status says that the message was taken.
        exchange("webhook", answer).await.0.unwrap();
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let answer = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\n\
                      content-length: 0\r\n\r\n";
        let (sent, _) = exchange("slack", answer).await;
        let error = sent.unwrap_err();
        assert!(
            matches!(error, Error::Unexpected { status: 307, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn errors_do_not_show_the_address() {
        // Nobody listens on a port that was just freed.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let dead = channel("slack", &format!("http://{address}/services/canary?canary")).unwrap();
        let error = dead.test(&"acme".parse().unwrap()).await.unwrap_err();
        let mut text = format!("{error} {error:?} {dead:?}");
        if let Some(source) = std::error::Error::source(&error) {
            text += &source.to_string();
        }
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(text.contains(&address.to_string()), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn an_address_must_be_one() {
        for (url, words) in [
            ("canary", "is not an https address"),
            ("ftp://h/canary", "is not an https address"),
            ("https://h/canary\ncanary", "is not an https address"),
            ("https://u:canary@h/x", "h holds a user or a password"),
            ("https://canary@h/x", "h holds a user or a password"),
            (
                "http://hooks.example.com/canary",
                "hooks.example.com is plain http",
            ),
        ] {
            let error = channel("slack", url).unwrap_err().to_string();
            assert!(
                error.contains(words) && !error.contains("canary"),
                "{error}"
            );
        }
        let channel = channel("slack", " https://hooks.slack.com/services/T0\n").unwrap();
        assert_eq!(channel.host(), "hooks.slack.com");
    }
}
