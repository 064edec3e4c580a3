//! One organization: its token, its last good answer, and the task that reads it.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scout_api::MetricsText;
use scout_api::hosted::{Problem, Schedule, Standing};
use scout_metrics::Exposition;
use scout_platform::chain;
use secrecy::ExposeSecret;

use crate::hosted::answer::read_answer;
use crate::hosted::families::Report;
use crate::hosted::kept::{Found, Kept};
use crate::hosted::options::HostedOptions;
use crate::hosted::said::{meanwhile, span, without_token};
use crate::hosted::token::Token;
use crate::source::BoxError;
use crate::upstream::{UpstreamMetrics, UpstreamToken};

/// How often it is looked whether the token was changed or a read is due. A new token shall work
/// within seconds.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// One organization.
pub(super) struct Feed {
    options: HostedOptions,
    kept: Option<Kept>,
    /// Held while it is looked, so that nothing is read twice at once.
    flight: tokio::sync::Mutex<()>,
    shared: Mutex<Shared>,
}

/// What requests look at. Locked for moments only.
struct Shared {
    schedule: Schedule,
    token: Option<Token>,
    answer: Option<UpstreamMetrics>,
    successes: u64,
    failures: [u64; Problem::ALL.len()],
    /// What was said last about the token's place and about the directory, to say it once.
    token_fault: Option<String>,
    disk_fault: Option<String>,
}

/// How a read ended when it gave nothing.
struct Failed {
    problem: Problem,
    retry_after: Option<Duration>,
    error: BoxError,
}

impl Feed {
    /// Takes up what was kept.
    pub(super) async fn open(options: HostedOptions) -> Self {
        let kept = options.dir.as_deref();
        let kept = kept.map(|dir| Kept::new(dir, &options.org, options.server.address()));
        let found = match &kept {
            Some(kept) => kept.load().await,
            None => Found::default(),
        };
        let feed = Self {
            shared: Mutex::new(Shared {
                schedule: Schedule::new(options.times.pace),
                token: None,
                answer: None,
                successes: 0,
                failures: [0; Problem::ALL.len()],
                token_fault: None,
                disk_fault: None,
            }),
            flight: tokio::sync::Mutex::default(),
            options,
            kept,
        };
        let token = feed.read_token().await;
        feed.take_up(found, token);
        feed
    }

    fn take_up(&self, found: Found, token: Option<Token>) {
        let (org, now) = (&self.options.org, self.options.clock.now());
        let mut shared = self.shared();
        if let Some((families, read_at)) = found.answer {
            let age = Duration::try_from(now.duration_since(read_at)).unwrap_or_default();
            tracing::info!(%org, "took up the answer of {} ago for {org}", span(age));
            shared.answer = Some(UpstreamMetrics {
                generation: 1,
                read_at,
                families: Arc::new(families),
            });
        }
        if let Some(schedule) = found.schedule {
            let same_token = match (&token, found.token) {
                (Some(token), Some(before)) => token.was(before),
                _ => false,
            };
            let has_answer = shared.answer.is_some();
            let pace = self.options.times.pace;
            shared.schedule = Schedule::restored(pace, schedule, has_answer, same_token, now);
        }
        shared.token = token;
    }

    pub(super) async fn run(&self) -> Infallible {
        loop {
            self.look().await;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Sees whether the token was changed, and reads if it is time.
    pub(super) async fn look(&self) {
        let _flight = self.flight.lock().await;
        if let Some(token) = self.read_token().await {
            self.take_token(token);
        }
        let token = {
            let shared = self.shared();
            let due = shared.schedule.due(self.options.clock.now());
            shared.token.clone().filter(|_| due.is_zero())
        };
        if let Some(token) = token {
            let read = self.read(&token).await;
            self.note(&token, read).await;
        }
    }

    /// Returns the last good answer.
    pub(super) fn answer(&self) -> Option<UpstreamMetrics> {
        self.shared().answer.clone()
    }

    /// Returns what the token with this hash is worth.
    pub(super) fn token(&self, hash: &[u8; 32]) -> UpstreamToken {
        let shared = self.shared();
        let is_it = shared
            .token
            .as_ref()
            .is_some_and(|token| token.has_hash(hash));
        if !is_it {
            return UpstreamToken::Other;
        }
        match shared.schedule.standing() {
            Standing::Accepted => UpstreamToken::Accepted,
            Standing::Unauthorized => UpstreamToken::Unauthorized,
            Standing::Forbidden => UpstreamToken::Forbidden,
            _ => UpstreamToken::Unconfirmed,
        }
    }

    pub(super) fn report(&self) -> Report {
        let shared = self.shared();
        Report {
            schedule: shared.schedule.state().clone(),
            read_at: shared.answer.as_ref().map(|answer| answer.read_at),
            successes: shared.successes,
            failures: shared.failures,
        }
    }

    /// Reads the token from where it is kept; says once when that fails.
    async fn read_token(&self) -> Option<Token> {
        let reader = self.options.token.clone();
        let read = tokio::task::spawn_blocking(move || reader.read()).await;
        let read = read.map_err(BoxError::from).and_then(|read| read);
        let fault = match read {
            Ok(secret) => {
                self.shared().token_fault = None;
                return Some(Token::new(secret, self.options.random.bytes()));
            }
            Err(error) => chain(error.as_ref()),
        };
        let org = &self.options.org;
        let mut shared = self.shared();
        if shared.token_fault.as_ref() != Some(&fault) {
            let used = match shared.token {
                Some(_) => "the one read before is used on",
                None => "nothing can be read without it",
            };
            tracing::warn!(%org, "the token of {org} cannot be read, {used}: {fault}");
            shared.token_fault = Some(fault);
        }
        None
    }

    fn take_token(&self, token: Token) {
        let mut shared = self.shared();
        if shared
            .token
            .as_ref()
            .is_some_and(|before| before.is(&token))
        {
            return;
        }
        let org = &self.options.org;
        tracing::info!(%org, "there is a new token for {org}: it is tried soon");
        shared.token = Some(token);
        shared.schedule.token_changed(self.options.clock.now());
    }

    async fn read(&self, token: &Token) -> Result<(MetricsText, Exposition), Failed> {
        let timeout = self.options.times.timeout;
        let fetch = self
            .options
            .server
            .metrics(&self.options.org, &token.secret);
        let text = match tokio::time::timeout(timeout, fetch).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                return Err(Failed {
                    problem: Problem::from(&error),
                    retry_after: error.retry_after(),
                    error: error.into(),
                });
            }
            Err(_) => {
                let text = format!("there was no whole answer within {}", span(timeout));
                return Err(Failed {
                    problem: Problem::TimedOut,
                    retry_after: None,
                    error: text.into(),
                });
            }
        };
        let (body, secret) = (text.body.clone(), token.secret.clone());
        let content_type = text.content_type.clone();
        let parse = move || {
            let secret = secret.expose_secret().trim().as_bytes();
            read_answer(content_type.as_deref(), &body, secret)
        };
        let parsed = tokio::task::spawn_blocking(parse).await;
        let failed = |problem, error| Failed {
            problem,
            retry_after: None,
            error,
        };
        match parsed {
            Ok(Ok(families)) => Ok((text, families)),
            Ok(Err(error)) if error.is_too_long() => Err(failed(Problem::TooLarge, error.into())),
            Ok(Err(error)) => Err(failed(Problem::Malformed, error.into())),
            Err(error) => Err(failed(Problem::Malformed, error.into())),
        }
    }

    /// Notes how a read ended, for requests first, then on disk.
    async fn note(&self, token: &Token, read: Result<(MetricsText, Exposition), Failed>) {
        let now = self.options.clock.now();
        let text = match read {
            Ok((text, families)) => {
                self.note_success(now, families);
                Some(text)
            }
            Err(failed) => {
                self.note_failure(now, token, &failed);
                None
            }
        };
        self.save(now, token, text).await;
    }

    fn note_success(&self, now: Timestamp, families: Exposition) {
        let (org, server) = (&self.options.org, self.options.server.address());
        let mut shared = self.shared();
        let is_news = shared.successes == 0 || shared.schedule.state().problem.is_some();
        shared.schedule.succeeded(now, self.options.random.chance());
        shared.successes += 1;
        let series = families.series_count();
        let again = span(shared.schedule.due(now));
        let before = shared.answer.as_ref();
        shared.answer = Some(UpstreamMetrics {
            generation: before.map_or(0, |answer| answer.generation) + 1,
            read_at: now,
            families: Arc::new(families),
        });
        drop(shared);
        if is_news {
            tracing::info!(%org, series, "read {org} from {server}: {series} series; again in {again}");
        } else {
            tracing::debug!(%org, series, "read {org} from {server}: {series} series; again in {again}");
        }
    }

    fn note_failure(&self, now: Timestamp, token: &Token, failed: &Failed) {
        let (org, server) = (&self.options.org, self.options.server.address());
        let problem = failed.problem;
        let mut shared = self.shared();
        let is_news = shared.schedule.state().problem != Some(problem);
        let chance = self.options.random.chance();
        shared
            .schedule
            .failed(now, problem, failed.retry_after, chance);
        let place = Problem::ALL.iter().position(|one| *one == problem);
        if let Some(count) = place.and_then(|place| shared.failures.get_mut(place)) {
            *count += 1;
        }
        let again = span(shared.schedule.due(now));
        let read_at = shared.answer.as_ref().map(|answer| answer.read_at);
        let standing = shared.schedule.standing();
        drop(shared);
        let error = without_token(&chain(failed.error.as_ref()), &token.secret);
        let served = meanwhile(standing, read_at, now);
        // Most errors name the address.
        let from = match error.contains(server.trim_end_matches('/')) {
            true => String::new(),
            false => format!(" from {server}"),
        };
        let text = format!("cannot read {org}{from}: {error}; asking again in {again}; {served}");
        if is_news {
            tracing::warn!(%org, %problem, "{text}");
        } else {
            tracing::debug!(%org, %problem, "{text}");
        }
    }

    /// Keeps what a restart needs; says once when that fails.
    async fn save(&self, now: Timestamp, token: &Token, answer: Option<MetricsText>) {
        let Some(kept) = &self.kept else {
            return;
        };
        let schedule = self.shared().schedule.state().clone();
        let saved = kept.save(now, schedule, token.fingerprint, answer).await;
        let fault = saved.err();
        let mut shared = self.shared();
        if let (Some(fault), Some(dir)) = (&fault, &self.options.dir)
            && shared.disk_fault.as_ref() != Some(fault)
        {
            let (org, dir) = (&self.options.org, dir.display());
            tracing::warn!(
                %org,
                "cannot keep the answer of {org} in {dir}, a restart would lose it: {fault}"
            );
        }
        shared.disk_fault = fault;
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // A panic between two assignments leaves each of them whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
