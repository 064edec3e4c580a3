//! What is taken up at the start and kept after each read, of one organization at one server.

use std::path::Path;

use jiff::Timestamp;
use scout_api::MetricsText;
use scout_api::hosted::{ScheduleState, TokenFingerprint};
use scout_envs::OrgName;
use scout_metrics::Exposition;
use scout_platform::chain;

use crate::hosted::answer::read_answer;
use crate::hosted::disk::{AnswerFacts, Disk, Kind, StateFacts};

/// The two files of one organization at one server.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    disk: Disk,
    org: OrgName,
    server: String,
}

/// What was kept, as far as it can be used.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The last good answer, and when it was read.
    pub(super) answer: Option<(Exposition, Timestamp)>,
    /// How reading went.
    pub(super) schedule: Option<ScheduleState>,
    /// Of the token it was read with.
    pub(super) token: Option<TokenFingerprint>,
}

impl Kept {
    pub(super) fn new(dir: &Path, org: &OrgName, server: String) -> Self {
        Self {
            disk: Disk::new(dir, org),
            org: org.clone(),
            server,
        }
    }

    /// Reads what was kept. What cannot be used is said, and is as if it were not there.
    pub(super) async fn load(&self) -> Found {
        let kept = self.clone();
        let load = move || Found {
            answer: kept.load_answer(),
            ..kept.load_state()
        };
        tokio::task::spawn_blocking(load).await.unwrap_or_default()
    }

    /// Keeps how reading went, and the answer if there is a new one.
    ///
    /// # Errors
    ///
    /// Why it could not be written, for people.
    pub(super) async fn save(
        &self,
        now: Timestamp,
        schedule: ScheduleState,
        token: TokenFingerprint,
        answer: Option<MetricsText>,
    ) -> Result<(), String> {
        let Self { disk, org, server } = self.clone();
        let write = move || {
            if let Some(MetricsText { content_type, body }) = answer {
                let facts = AnswerFacts {
                    org: org.clone(),
                    server: server.clone(),
                    read_at: now,
                    content_type,
                };
                disk.save(Kind::Answer, &facts, &body)?;
            }
            let token = Some(token);
            let facts = StateFacts {
                org,
                server,
                schedule,
                token,
            };
            disk.save(Kind::State, &facts, b"")
        };
        let written = tokio::task::spawn_blocking(write).await;
        let written = written.map_err(|error| error.to_string())?;
        written.map_err(|error| error.to_string())
    }

    fn load_answer(&self) -> Option<(Exposition, Timestamp)> {
        let path = self.disk.path(Kind::Answer);
        let (facts, body) = told(self.disk.load::<AnswerFacts>(Kind::Answer), &path)?;
        if facts.org != self.org || facts.server != self.server {
            return None;
        }
        // It passed with the token of then, which is not known any more.
        let families = read_answer(facts.content_type.as_deref(), &body, b"");
        Some((told(families.map(Some), &path)?, facts.read_at))
    }

    fn load_state(&self) -> Found {
        let path = self.disk.path(Kind::State);
        let found = told(self.disk.load::<StateFacts>(Kind::State), &path);
        match found {
            Some((facts, _)) if facts.org == self.org && facts.server == self.server => Found {
                answer: None,
                schedule: Some(facts.schedule),
                token: facts.token,
            },
            _ => Found::default(),
        }
    }
}

/// Says why a file is not used, if it is not.
fn told<T, E: std::error::Error + 'static>(read: Result<Option<T>, E>, path: &Path) -> Option<T> {
    read.unwrap_or_else(|error| {
        let (path, reason) = (path.display(), chain(&error));
        tracing::warn!("{path} is not used, and will be written anew: {reason}");
        None
    })
}
