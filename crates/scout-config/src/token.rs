//! Tokens: random ones, and the one a watcher keeps for those who read the metrics it serves.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scout_api::Token;
use scout_envs::Role;
use scout_platform::{Clock, Organization, create_token};
use scout_store::{Store, TokenGrant};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// The file in the data directory that holds the watcher's token.
const FILE_NAME: &str = "token";
/// Readable by its owner alone.
const MODE: u32 = 0o600;

/// Records a new token and returns it. It grants nothing from `expires_at` on.
///
/// # Errors
///
/// If the operating system gives no random bytes, or the store fails.
pub async fn new_token(
    store: &dyn Store,
    org: &Organization,
    role: Role,
    expires_at: Option<Timestamp>,
    clock: &dyn Clock,
) -> Result<Token> {
    let mut random = [0; Token::RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|source| Error::Random {
        source: source.into(),
    })?;
    create_token(store, org, role, expires_at, &random, clock)
        .await
        .map_err(|source| Error::Store {
            source: source.into(),
        })
}

/// Returns the file that holds a valid owner's token of the organization, writing a new token
/// into it if there is none, or if it was revoked or its time is over.
///
/// # Errors
///
/// If the file cannot be read or written, or the store fails.
pub async fn own_token(
    store: &dyn Store,
    org: &Organization,
    data_dir: &Path,
    clock: &dyn Clock,
) -> Result<PathBuf> {
    let path = data_dir.join(FILE_NAME);
    if let Some(token) = read(&path)? {
        let grant = store
            .token_grant(token.hash())
            .await
            .map_err(|source| Error::Store {
                source: source.into(),
            })?;
        let is_good = |grant: TokenGrant| {
            grant.org == org.name && grant.role == Role::Owner && !grant.is_expired(clock.now())
        };
        if grant.is_some_and(is_good) {
            fs::set_permissions(&path, Permissions::from_mode(MODE))
                .map_err(|source| file_error("protect", &path, source))?;
            return Ok(path);
        }
    }
    let token = new_token(store, org, Role::Owner, None, clock).await?;
    TokenFile::beside(&path)?.write(&token)?;
    Ok(path)
}

/// The place of a file that will hold a token, readable by its owner alone.
///
/// It is written beside its place and moved there, so that a reader never sees half a token, and a
/// place that cannot be written is told before there is a token.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl TokenFile {
    /// Prepares to write, or to replace, the file at `path`.
    ///
    /// # Errors
    ///
    /// If its folder cannot be written, or if what is at `path` is no file.
    pub fn beside(path: &Path) -> Result<Self> {
        let error = |source| file_error("write", path, source);
        // A link stays, and what it points to is replaced.
        let place = match fs::canonicalize(path) {
            Ok(place) => place,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(source) => return Err(error(source)),
        };
        let is_other = fs::metadata(&place).is_ok_and(|metadata| !metadata.is_file());
        let name = place.file_name();
        let (Some(_), false) = (name, is_other) else {
            let reason = "it is no file: name one, such as prometheus/token";
            return Err(error(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        };
        let folder = place.parent().filter(|folder| *folder != Path::new(""));
        let file = tempfile::Builder::new()
            .prefix(".token")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
            .map_err(error)?;
        Ok(Self { path: place, file })
    }

    /// Writes the token and puts the file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(mut self, token: &Token) -> Result<()> {
        let written =
            writeln!(self.file, "{}", token.expose()).and_then(|()| self.file.as_file().sync_all());
        written.map_err(|source| file_error("write", &self.path, source))?;
        match self.file.persist(&self.path) {
            Ok(_) => Ok(()),
            Err(error) => Err(file_error("write", &self.path, error.error)),
        }
    }
}

fn read(path: &Path) -> Result<Option<Token>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Token::parse(text.trim()).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error("read", path, source)),
    }
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        action,
        path: path.to_owned(),
        source,
    }
}
