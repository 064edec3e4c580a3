//! The record as a source that may come later, go, and be made anew: looked at in every poll.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use scout_envs::{OrgName, Snapshot, Upkeep};
use scout_platform::{Reader, RecordHealth, chain};
use scout_store::SqliteStore;
use scout_web::{BoxError, MetricsSource, ReaderSource, TokenGrant, TokenUse};

/// Tells one file from another of the same name: its device and its number there.
type FileId = (u64, u64);

/// What `scout-watch` records into a directory, whenever it does.
#[derive(Debug)]
pub(crate) struct RecordSource {
    data_dir: PathBuf,
    /// Whether it is no fault that there is none: other organizations are served.
    is_optional: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    opened: Option<(FileId, ReaderSource)>,
    /// How often a record was opened.
    epoch: u64,
    /// Whether it was told that there is none.
    is_told: bool,
}

impl RecordSource {
    /// Opens the record if it is there.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be opened: waiting would not mend that.
    pub(crate) fn open(data_dir: PathBuf, is_optional: bool) -> scout_config::Result<Self> {
        let source = Self {
            data_dir,
            is_optional,
            state: Mutex::default(),
        };
        source.look()?;
        Ok(source)
    }

    /// Opens the record if there is one that is not open, and closes one that is gone.
    fn look(&self) -> scout_config::Result<()> {
        let found = file_id(&self.data_dir);
        let mut state = self.state();
        if found.is_some() && state.opened.as_ref().map(|(id, _)| *id) == found {
            return Ok(());
        }
        // First, as its file lock must not be in the way of another on the same path.
        let had_one = state.opened.take().is_some();
        let dir = self.data_dir.display();
        let Some(id) = found else {
            if had_one {
                tracing::warn!("the record in {dir} is gone: waiting for another");
            } else if !state.is_told {
                self.tell_none();
            }
            state.is_told = true;
            return Ok(());
        };
        let store = scout_config::open_store_to_serve(&self.data_dir)?;
        state.opened = Some((id, ReaderSource::new(Reader::new(store))));
        state.epoch += 1;
        if state.is_told || had_one {
            tracing::info!("opened the record in {dir}");
        }
        state.is_told = false;
        Ok(())
    }

    fn tell_none(&self) {
        let dir = self.data_dir.display();
        if self.is_optional {
            tracing::info!(
                "there is no record in {dir}: only hosted organizations are served, each to its \
                 own token, until there is"
            );
        } else {
            tracing::warn!(
                "nothing is recorded in {dir} yet: waiting until scout-watch --data-dir records \
                 into it; --data-dir names another directory"
            );
        }
    }

    /// Returns what is open; nothing where there is no record and need be none.
    fn source(&self) -> Result<Option<ReaderSource>, BoxError> {
        let opened = self
            .state()
            .opened
            .as_ref()
            .map(|(_, source)| source.clone());
        match opened {
            None if !self.is_optional => Err(scout_config::Error::NoStore {
                path: self.data_dir.clone(),
            }
            .into()),
            other => Ok(other),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic leaves what was open before, or nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MetricsSource for RecordSource {
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError> {
        self.look().map_err(|error| chain(&error))?;
        match self.source()? {
            Some(source) => source.organizations_generations().await,
            None => Ok(Vec::new()),
        }
    }

    async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        match self.source()? {
            Some(source) => source.snapshot(org).await,
            None => Ok(None),
        }
    }

    async fn extended_snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        match self.source()? {
            Some(source) => source.extended_snapshot(org).await,
            None => Ok(None),
        }
    }

    async fn upkeep(&self, org: &OrgName) -> Result<Upkeep, BoxError> {
        match self.source()? {
            Some(source) => source.upkeep(org).await,
            None => Ok(Upkeep::default()),
        }
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        match self.source()? {
            Some(source) => source.token(hash).await,
            None => Ok(None),
        }
    }

    fn change_mark(&self) -> Option<u64> {
        let state = self.state();
        let mark = state.opened.as_ref()?.1.change_mark()?;
        // Marks of one record say nothing of another.
        Some(mark ^ state.epoch.rotate_right(16))
    }

    async fn token_hashes(&self, limit: usize) -> Result<Option<Vec<[u8; 32]>>, BoxError> {
        match self.source()? {
            Some(source) => source.token_hashes(limit).await,
            None => Ok(None),
        }
    }

    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<(), BoxError> {
        match self.source()? {
            Some(source) => source.record_token_uses(uses).await,
            None => Ok(()),
        }
    }

    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError> {
        match self.source()? {
            Some(source) => source.org_exists(org).await,
            None => Ok(false),
        }
    }

    async fn health(&self, now: Timestamp) -> Result<Option<RecordHealth>, BoxError> {
        match self.source() {
            Ok(Some(source)) => source.health(now).await,
            // That there is none is told by what needs it.
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn epoch(&self) -> u64 {
        self.state().epoch
    }
}

fn file_id(data_dir: &Path) -> Option<FileId> {
    let file = fs::metadata(data_dir.join(SqliteStore::FILE_NAME)).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use scout_web::MetricsSource as _;

    use super::*;

    fn enroll(data_dir: &Path, org: &str) -> impl Future<Output = ()> {
        let store = scout_config::open_store(data_dir).unwrap();
        let org = org.parse().unwrap();
        async move {
            store.enroll(&org, Timestamp::UNIX_EPOCH).await.unwrap();
        }
    }

    async fn organizations(source: &RecordSource) -> Result<Vec<String>, String> {
        let listed = source.organizations_generations().await;
        let listed = listed.map_err(|error| error.to_string())?;
        Ok(listed.into_iter().map(|(org, _)| org.to_string()).collect())
    }

    #[tokio::test]
    async fn a_record_is_taken_up_when_it_comes_goes_and_comes_again() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let source = RecordSource::open(data.clone(), false).unwrap();
        assert!(
            organizations(&source)
                .await
                .unwrap_err()
                .contains("nothing is recorded")
        );
        assert!(
            source.token(&[0; 32]).await.is_err(),
            "not refused: it cannot be said"
        );

        enroll(&data, "acme").await;
        assert_eq!(organizations(&source).await, Ok(vec!["acme".to_owned()]));
        let (first, mark) = (source.epoch(), source.change_mark());

        fs::remove_dir_all(&data).unwrap();
        assert!(organizations(&source).await.is_err());
        assert_eq!(source.change_mark(), None);
        enroll(&data, "other").await;
        assert_eq!(organizations(&source).await, Ok(vec!["other".to_owned()]));
        assert_ne!(source.epoch(), first);
        assert_ne!(source.change_mark(), mark);
    }

    #[tokio::test]
    async fn where_it_is_optional_there_are_no_organizations_until_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let source = RecordSource::open(dir.path().to_owned(), true).unwrap();
        assert_eq!(organizations(&source).await, Ok(vec![]));
        assert_eq!(source.token(&[0; 32]).await.unwrap(), None);
        enroll(dir.path(), "acme").await;
        assert_eq!(organizations(&source).await, Ok(vec!["acme".to_owned()]));
    }
}
