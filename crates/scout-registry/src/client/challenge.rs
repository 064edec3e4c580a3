//! Reads `WWW-Authenticate`: how a registry wants to be asked.

use scout_http::{HeaderMap, header};

/// One way to authenticate that a server offers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from a token service.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// Returns the challenges of a 401 that we can meet, in the order of the answer.
    pub(crate) fn parse_all(headers: &HeaderMap) -> Vec<Self> {
        headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(parse)
            .filter_map(RawChallenge::understand)
            .collect()
    }
}

#[derive(Default)]
struct RawChallenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl RawChallenge {
    fn understand(self) -> Option<Challenge> {
        let param = |name: &str| {
            let found = self.params.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        match self.scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer {
                realm: param("realm")?,
                service: param("service"),
                scope: param("scope").filter(|scope| !scope.is_empty()),
            }),
            _ => None,
        }
    }
}

/// One header may hold several challenges, and commas separate both challenges and parameters:
/// a word is a parameter's name if `=` follows, else it starts a challenge (RFC 9110, 11.6.1).
fn parse(header: &str) -> Vec<RawChallenge> {
    let mut rest = header;
    let mut found: Vec<RawChallenge> = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| !is_token(c));
        let (word, after) = split_token(rest);
        if word.is_empty() {
            return found;
        }
        rest = after.trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            found.push(RawChallenge {
                scheme: word.to_ascii_lowercase(),
                params: Vec::new(),
            });
            continue;
        };
        let value = value.trim_start();
        let (text, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (text, after) = split_token(value);
                (text.to_owned(), after)
            }
        };
        rest = after;
        if let Some(challenge) = found.last_mut() {
            challenge.params.push((word.to_ascii_lowercase(), text));
        }
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn split_token(text: &str) -> (&str, &str) {
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Reads up to the closing quote; a backslash takes the next character as it is.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, text.get(index + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn reads_the_challenges_of_real_servers() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
        let both = r#"Negotiate, bearer Realm = "r" , SERVICE=s,Basic realm="a, b=c""#;
        let scope =
            r#"Bearer realm="r",scope="repository:a/b:pull,push",error="insufficient_scope""#;
        for (headers, expected) in [
            (
                &[hub][..],
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    None,
                )],
            ),
            (&["Basic realm=\"testbed\""], vec![Challenge::Basic]),
            (&["Basic"], vec![Challenge::Basic]),
            (
                &[both],
                vec![bearer("r", Some("s"), None), Challenge::Basic],
            ),
            (
                &["Basic", hub],
                vec![
                    Challenge::Basic,
                    bearer(
                        "https://auth.docker.io/token",
                        Some("registry.docker.io"),
                        None,
                    ),
                ],
            ),
            (
                &[scope],
                vec![bearer("r", None, Some("repository:a/b:pull,push"))],
            ),
            (
                &[r#"Bearer realm="a\"b""#],
                vec![bearer("a\"b", None, None)],
            ),
            (
                &[r#"Bearer realm="unclosed"#],
                vec![bearer("unclosed", None, None)],
            ),
            (&["Bearer service=\"no realm\""], vec![]),
            (
                &["Negotiate abc==", "realm=\"x\"", "", ",,,", "\"", "="],
                vec![],
            ),
        ] {
            let mut map = HeaderMap::new();
            for header in headers {
                map.append(header::WWW_AUTHENTICATE, header.parse().unwrap());
            }
            assert_eq!(Challenge::parse_all(&map), expected, "{headers:?}");
        }
    }
}
