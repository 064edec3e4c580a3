//! Interned numbers. They are never reused, so a number kept elsewhere never means another thing.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An organization.
    OrgId,
    i64
);
id!(
    /// An access token.
    TokenId,
    i64
);
id!(
    /// An integration.
    IntegrationId,
    i64
);
id!(
    /// A registry that an organization watches.
    RegistryId,
    i64
);
id!(
    /// A repository of a registry.
    RepositoryId,
    i64
);
id!(
    /// An event that a registry sent.
    EventId,
    i64
);
id!(
    /// A notice of what happened to a repository's newest image.
    NoticeId,
    i64
);
id!(
    /// What one digest in one repository is: an image, an index of images, or something else.
    ArtifactId,
    i64
);
id!(
    /// An image of one platform; 32 bits, so that sets of images are compressed bitmaps.
    ImageId,
    u32
);
id!(
    /// A unique match key of a package; 32 bits, as for images.
    PackageId,
    u32
);
