//! The JSON webhook: its body, and its signature.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::Sha256;

use crate::notice::{Batch, Notice};

/// The version of the body. It grows when a receiver has to change; fields may be added without.
pub const VERSION: u32 = 1;

/// Most notices in one body; more go into further messages. About 600 KiB: many receivers take
/// no more than 1 MiB.
pub const MAX_JSON_NOTICES: usize = 1_000;

/// The header that carries the signature of the body, if the channel has a secret.
pub const SIGNATURE_HEADER: &str = "X-Scout-Signature";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    org: &'a str,
    dropped: u64,
    notices: &'a [Notice],
}

/// Returns the body that tells of the batch, as JSON.
#[must_use]
pub fn json(batch: &Batch) -> Vec<u8> {
    body("notices", batch)
}

/// Returns the body of the test call: no notices, and another type.
pub(crate) fn test(batch: &Batch) -> Vec<u8> {
    body("test", batch)
}

fn body(kind: &'static str, batch: &Batch) -> Vec<u8> {
    let body = Body {
        version: VERSION,
        kind,
        org: batch.org.as_str(),
        dropped: batch.dropped,
        notices: &batch.notices,
    };
    // Nothing in it can fail: strings, numbers, and keys that are strings.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Returns the value of [`SIGNATURE_HEADER`]: `sha256=` and the hexadecimal HMAC-SHA256 of the
/// body under the secret.
#[must_use]
pub fn signature(secret: &SecretString, body: &[u8]) -> String {
    let key = secret.expose_secret().as_bytes();
    // HMAC takes keys of any length.
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key)
        .map(|mac| mac.chain_update(body).finalize().into_bytes());
    format!("sha256={}", mac.map(hex::encode).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use scout_envs::Severity;
    use serde_json::Value;

    use super::*;
    use crate::notice::tests::{batch, policy, vulnerability};

    #[test]
    fn the_body_is_as_documented() {
        let notices = vec![
            vulnerability("r/a", "CVE-2026-1000", Severity::High),
            policy("r/a"),
        ];
        let found: Value = serde_json::from_slice(&json(&batch(notices))).unwrap();
        let digest = format!("sha256:{}", "ab".repeat(32));
        let expected = serde_json::json!({
            "version": 1, "type": "notices", "org": "acme", "dropped": 0,
            "notices": [
                {
                    "id": "r/a/CVE-2026-1000", "at": "2026-11-21T10:00:00Z", "repository": "r/a",
                    "tags": ["1.2", "latest"], "digest": digest,
                    "kind": "vulnerability", "vulnerability": "CVE-2026-1000",
                    "severity": "HIGH", "knownExploited": false,
                    "packages": [
                        {"name": "openssl", "version": "3.0.1", "fixedVersions": ["3.0.2"]},
                    ],
                    "morePackages": 0,
                },
                {
                    "id": "r/a/policy", "at": "2026-11-21T10:00:00Z", "repository": "r/a",
                    "tags": ["1.2", "latest"], "digest": digest,
                    "kind": "policy", "policy": "default-non-root-user",
                    "displayName": "Default non-root user",
                    "reasons": ["it runs as root"], "moreReasons": 0,
                },
            ],
        });
        assert_eq!(found, expected);
    }

    /// RFC 4231, test case 2.
    #[test]
    fn the_signature_is_hmac_sha256() {
        assert_eq!(
            signature(&"Jefe".to_owned().into(), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
