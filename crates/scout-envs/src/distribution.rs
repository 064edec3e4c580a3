//! The operating system of an image, as its os-release file states it.

use serde::{Deserialize, Serialize};

/// The fields of `os-release` that decide which advisories apply.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Distribution {
    /// `ID`, lower case, for instance `debian`.
    pub id: String,
    /// `ID_LIKE`, nearest relative first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; rolling distributions have none.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`, for instance `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: Option<String>,
    /// `CPE_NAME`.
    pub cpe_name: Option<String>,
}

impl Distribution {
    /// Returns the name to show: `PRETTY_NAME`, else `ID VERSION_ID`.
    #[must_use]
    pub fn display_name(&self) -> String {
        match (&self.pretty_name, &self.version_id) {
            (Some(name), _) => name.clone(),
            (None, Some(version)) => format!("{} {version}", self.id),
            (None, None) => self.id.clone(),
        }
    }
}
