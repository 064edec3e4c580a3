//! `default-non-root-user`: the image's configuration names a user that is not root.

use super::{Evaluation, Subject, Verdict};

/// The policy has no configuration: only the image's own says who runs it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DefaultNonRootUser;

impl DefaultNonRootUser {
    #[expect(clippy::unused_self, reason = "all policies are asked alike")]
    pub(super) fn evaluate(self, subject: &Subject<'_>) -> Evaluation {
        if !subject.config.runs_as_root() {
            return Verdict::Compliant.into();
        }
        let reason = match subject.config.user.as_deref().map(str::trim) {
            None | Some("") => "no user is set, so it runs as root".to_owned(),
            Some(user) => format!("the user is {user:?}, which is root"),
        };
        Verdict::NonCompliant(vec![reason]).into()
    }
}
