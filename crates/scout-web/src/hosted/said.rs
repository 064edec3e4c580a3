//! What people are told about reads.

use std::time::Duration;

use jiff::Timestamp;
use scout_api::hosted::Standing;
use secrecy::{ExposeSecret, SecretString};

/// Takes the token out of a text, wherever it came from.
pub(super) fn without_token(text: &str, token: &SecretString) -> String {
    match token.expose_secret().trim() {
        "" => text.to_owned(),
        token => text.replace(token, "…"),
    }
}

/// Says how long something takes or took: `45 s`, `30 min`, `26 h`.
pub(super) fn span(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// Says what is served meanwhile, and to whom.
pub(super) fn meanwhile(standing: Standing, read_at: Option<Timestamp>, now: Timestamp) -> String {
    let status = match standing {
        Standing::Accepted => None,
        Standing::Unauthorized => Some(401),
        Standing::Forbidden => Some(403),
        _ => Some(503),
    };
    let answer = read_at.map(|at| {
        let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        format!("the answer of {} ago", span(age))
    });
    match (status, answer) {
        (None, None) => "there is nothing to serve until then".to_owned(),
        (None, Some(answer)) => format!("{answer} is served"),
        (Some(status), None) => format!("scrapers that send this token get {status}"),
        (Some(status), Some(answer)) => format!(
            "scrapers that send this token get {status}, those that send one of ours {answer}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_do() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (3780, "63 min"),
            (90_000, "25 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn who_gets_what_is_said() {
        let now = Timestamp::constant(1_795_000_000, 0);
        let before = Some(Timestamp::constant(1_794_999_700, 0));
        for (standing, read_at, expected) in [
            (
                Standing::Accepted,
                None,
                "there is nothing to serve until then",
            ),
            (
                Standing::Accepted,
                before,
                "the answer of 5 min ago is served",
            ),
            (
                Standing::Unconfirmed,
                None,
                "scrapers that send this token get 503",
            ),
            (
                Standing::Unauthorized,
                None,
                "scrapers that send this token get 401",
            ),
            (
                Standing::Forbidden,
                before,
                "scrapers that send this token get 403, those that send one of ours the answer of \
                 5 min ago",
            ),
        ] {
            assert_eq!(meanwhile(standing, read_at, now), expected);
        }
    }

    #[test]
    fn the_token_is_taken_out_of_every_text() {
        let token = SecretString::from(" dckr_pat_x\n");
        assert_eq!(
            without_token("a dckr_pat_x b dckr_pat_x", &token),
            "a … b …"
        );
        assert_eq!(without_token("a", &SecretString::from("\n")), "a");
    }
}
