//! Tokens: random ones, and the one a watcher keeps for those who read the metrics it serves.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use scout_api::Token;
use scout_envs::Role;
use scout_platform::{Clock, Organization, create_token};
use scout_store::Store;

use crate::error::{Error, Result};

/// The file in the data directory that holds the watcher's token.
const FILE_NAME: &str = "token";
/// Readable by its owner alone.
const MODE: u32 = 0o600;

/// Records a new token and returns it.
///
/// # Errors
///
/// If the operating system gives no random bytes, or the store fails.
pub async fn new_token(
    store: &dyn Store,
    org: &Organization,
    role: Role,
    clock: &dyn Clock,
) -> Result<Token> {
    let mut random = [0; Token::RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|source| Error::Random {
        source: source.into(),
    })?;
    create_token(store, org, role, &random, clock)
        .await
        .map_err(|source| Error::Store {
            source: source.into(),
        })
}

/// Returns the file that holds a valid owner's token of the organization, writing a new token
/// into it if there is none or if it was revoked.
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
        if grant.is_some_and(|grant| grant.org == org.name && grant.role == Role::Owner) {
            fs::set_permissions(&path, Permissions::from_mode(MODE))
                .map_err(|source| file_error("protect", &path, source))?;
            return Ok(path);
        }
    }
    let token = new_token(store, org, Role::Owner, clock).await?;
    write(data_dir, &path, &token).map_err(|source| file_error("write", &path, source))?;
    Ok(path)
}

fn read(path: &Path) -> Result<Option<Token>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Token::parse(text.trim()).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error("read", path, source)),
    }
}

/// Written beside its place and moved there, so that a reader never sees half a token.
fn write(data_dir: &Path, path: &Path, token: &Token) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".token")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(data_dir)?;
    writeln!(file, "{}", token.expose())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        action,
        path: path.to_owned(),
        source,
    }
}
