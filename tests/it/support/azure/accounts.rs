//! Who may do what: tokens with scope maps, the admin user, a service principal, Entra.
//!
//! Sources: Azure documentation, "Create a token with repository-scoped permissions" and "Azure
//! Container Registry authentication"; Azure/acr `docs/AAD-OAuth.md`, `docs/Token-BasicAuth.md`;
//! issues 676 (a token for less than was asked for) and 751 (who may list repositories).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::wire::{Asked, Reply, only, pairs};

/// The user whose password is a refresh token.
pub(crate) const REFRESH_USER: &str = "00000000-0000-0000-0000-000000000000";
/// A directory of Entra.
pub(crate) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
/// What Entra gave out for that directory.
pub(crate) const ENTRA_TOKEN: &str = "canary-entra-token";
/// What the registry gives for it.
pub(crate) const REFRESH_TOKEN: &str = "canary-refresh-token";
/// A service principal with the role `AcrPull`.
pub(crate) const PRINCIPAL: &str = "0f3c6bcb-66f4-4f4e-8b2f-5d1f0a3f6d11";

/// What somebody may do.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// In which repositories; nothing means in all.
    pub(crate) repositories: Option<Vec<String>>,
    /// What scope maps call `content/read`, `metadata/read`, …
    pub(crate) actions: Vec<&'static str>,
}

impl Rights {
    /// Rights on all repositories.
    pub(crate) fn on_all(actions: &[&'static str]) -> Self {
        Self {
            repositories: None,
            actions: actions.to_vec(),
        }
    }

    /// Rights on some repositories.
    pub(crate) fn on(repositories: &[&str], actions: &[&'static str]) -> Self {
        let repositories = repositories.iter().map(|&name| name.to_owned());
        Self {
            repositories: Some(repositories.collect()),
            ..Self::on_all(actions)
        }
    }

    fn allow(&self, resource: &str, action: &str) -> bool {
        let needed = match (resource, action) {
            ("registry:catalog", "*") => {
                return self.repositories.is_none() && self.actions.contains(&"metadata/read");
            }
            (_, "pull") => "content/read",
            (_, "push") => "content/write",
            (_, "delete") => "content/delete",
            (_, "metadata_read") => "metadata/read",
            _ => return false,
        };
        let Some(repository) = resource.strip_prefix("repository:") else {
            return false;
        };
        let covers = |names: &Vec<String>| names.iter().any(|name| name == repository);
        self.actions.contains(&needed) && self.repositories.as_ref().is_none_or(covers)
    }
}

/// The scope maps that every registry has.
pub(super) fn system_scope_maps() -> BTreeMap<String, Rights> {
    let pull = ["content/read"];
    let read = ["content/read", "metadata/read"];
    let all = [
        "content/read",
        "content/write",
        "content/delete",
        "metadata/read",
    ];
    let maps = [
        ("_repositories_pull", Rights::on_all(&pull)),
        ("_repositories_pull_metadata_read", Rights::on_all(&read)),
        ("_repositories_admin", Rights::on_all(&all)),
    ];
    maps.map(|(name, rights)| (name.to_owned(), rights)).into()
}

/// Somebody with passwords.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) passwords: [Option<String>; 2],
    pub(super) is_enabled: bool,
    pub(super) rights: Rights,
}

impl Account {
    pub(super) fn new(rights: Rights) -> Self {
        Self {
            passwords: [None, None],
            is_enabled: true,
            rights,
        }
    }

    pub(super) fn with_password(mut self, password: &str) -> Self {
        self.passwords[0] = Some(password.to_owned());
        self
    }
}

/// All who may log in, and what they were given.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) known: BTreeMap<String, Account>,
    /// Access tokens, each with what it is for.
    given: BTreeMap<String, Vec<(String, String)>>,
    /// Whether the token service refuses scopes that it does not grant, instead of granting less.
    pub(super) refuses_scopes: bool,
}

impl Accounts {
    pub(super) fn new() -> Self {
        let read = Rights::on_all(&["content/read", "metadata/read"]);
        let principal = Account::new(read.clone()).with_password("canary-principal");
        let entra = Account::new(read);
        Self {
            known: [
                (PRINCIPAL.to_owned(), principal),
                (REFRESH_USER.to_owned(), entra),
            ]
            .into(),
            given: BTreeMap::new(),
            refuses_scopes: false,
        }
    }

    /// Returns the name of who shows a user and a password.
    fn who(&self, authorization: &str) -> Option<String> {
        let pair = BASE64_STANDARD.decode(authorization.strip_prefix("Basic ")?);
        let pair = String::from_utf8(pair.ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        let account = self.known.get(user)?;
        let is_right = account
            .passwords
            .iter()
            .flatten()
            .any(|own| own == password);
        (is_right && account.is_enabled).then(|| user.to_owned())
    }

    /// Returns whether what was sent allows something; the root of the API needs nothing but to be
    /// let in.
    pub(super) fn allow(&self, authorization: &str, needed: Option<(&str, &str)>) -> bool {
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            let Some(given) = self.given.get(token) else {
                return false;
            };
            return needed.is_none_or(|(resource, action)| {
                given
                    .iter()
                    .any(|(own, for_what)| own == resource && for_what == action)
            });
        }
        self.who(authorization).is_some_and(|who| {
            needed.is_none_or(|(resource, action)| self.known[&who].rights.allow(resource, action))
        })
    }

    /// `GET /oauth2/token`, with user and password.
    pub(super) fn token(&mut self, asked: &Asked) -> Reply {
        let query = pairs(asked.query.as_bytes());
        // Docker's clients send these two as well (distribution, "Token authentication").
        let also = ["account", "client_id", "offline_token"];
        let is_known = |name: &str| name == "service" || name == "scope" || also.contains(&name);
        if query.iter().any(|(name, _)| !is_known(name)) {
            return unsupported();
        }
        match self.who(asked.header("authorization")) {
            Some(who) => self.give(&who, &query, asked),
            None => unauthorized("authentication required"),
        }
    }

    /// `POST /oauth2/token`, with a refresh token.
    pub(super) fn token_for_refresh(&mut self, asked: &Asked) -> Reply {
        let Some(form) = form(asked, &["grant_type", "service", "scope", "refresh_token"]) else {
            return unsupported();
        };
        if only(&form, "grant_type") != "refresh_token" {
            return unsupported();
        }
        if only(&form, "refresh_token") != REFRESH_TOKEN {
            return unauthorized("retrieving permissions failed");
        }
        self.give(REFRESH_USER, &form, asked)
    }

    /// Gives a token for what of the scopes is allowed. It says itself when it ends.
    fn give(&mut self, who: &str, asked: &[(String, String)], request: &Asked) -> Reply {
        if only(asked, "service") != request.host() {
            return unsupported();
        }
        let scopes = asked.iter().filter(|(name, _)| name == "scope");
        let scopes = scopes.flat_map(|(_, scopes)| scopes.split(' '));
        let mut wanted = Vec::new();
        for scope in scopes.filter(|scope| !scope.is_empty()) {
            let Some((resource, actions)) = scope.rsplit_once(':') else {
                return unsupported();
            };
            let actions = actions.split(',');
            wanted.extend(actions.map(|action| (resource.to_owned(), action.to_owned())));
        }
        let rights = &self.known[who].rights;
        let mut granted = wanted.clone();
        granted.retain(|(resource, action)| rights.allow(resource, action));
        if self.refuses_scopes && granted.len() < wanted.len() {
            return unauthorized("authentication required");
        }
        // Some 75 minutes, in the year 2017 and in every other one.
        let claims = r#"{"nbf":1497988907,"exp":1497993407,"iat":1497988907}"#;
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
        let token = format!("canary.{claims}.{}", self.given.len());
        self.given.insert(token.clone(), granted);
        Reply::json(200, &serde_json::json!({ "access_token": token }))
    }
}

/// `POST /oauth2/exchange`: a token of Entra for one of the registry.
pub(super) fn exchange(asked: &Asked) -> Reply {
    let fields = ["grant_type", "service", "tenant", "access_token"];
    let Some(form) = form(asked, &fields) else {
        return unsupported();
    };
    if only(&form, "grant_type") != "access_token" || only(&form, "service") != asked.host() {
        return unsupported();
    }
    if only(&form, "tenant") != TENANT || only(&form, "access_token") != ENTRA_TOKEN {
        return unauthorized("retrieving permissions failed");
    }
    Reply::json(200, &serde_json::json!({ "refresh_token": REFRESH_TOKEN }))
}

/// Reads a form that has no other fields than these.
fn form(asked: &Asked, fields: &[&str]) -> Option<Vec<(String, String)>> {
    let form = pairs(&asked.body);
    let is_form = asked.header("content-type") == "application/x-www-form-urlencoded"
        && asked.header("authorization").is_empty();
    let is_known = |name: &String| fields.contains(&name.as_str());
    (is_form && form.iter().all(|(name, _)| is_known(name))).then_some(form)
}

/// An error as the registry writes it.
pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let error = serde_json::json!({"errors": [{"code": code, "message": message}]});
    Reply::json(status, &error)
}

pub(super) fn unauthorized(message: &str) -> Reply {
    error(401, "UNAUTHORIZED", message)
}

fn unsupported() -> Reply {
    error(400, "UNSUPPORTED", "The operation is unsupported.")
}
