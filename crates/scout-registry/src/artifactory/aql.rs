//! Searches in the Artifactory Query Language.
//!
//! Sources: JFrog REST APIs, "AQL syntax", "Users without admin privileges" (`name`, `repo` and
//! `path` must be included), "Filtering on a virtual repository", "Maximum number of search
//! queries" (1,000 results by default on old servers), "Repository layout" of Docker
//! repositories (`<image>/<tag>/manifest.json` or `list.manifest.json`).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::artifactory::pushes::{LIST, MANIFEST};

/// How many rows are asked for at once: the most that servers give by default.
pub(super) const PAGE_SIZE: usize = 1000;

/// Returns the search for the manifests of all tags of a repository, or of those written after
/// `since`, from the row `offset` on.
///
/// `modified` is the file's own time, which copying keeps; `updated` is when it came into the
/// repository. A promoted image is found by the second.
pub(super) fn manifests(repo: &str, since: Option<Timestamp>, offset: usize) -> String {
    let any = |field: &str, values: [Value; 2]| json!({ "$or": values.map(|value| json!({ field: value })) });
    let mut all = vec![
        json!({ "repo": repo }),
        any("name", [json!(MANIFEST), json!(LIST)]),
        // Manifests without a tag, such as those of an index's platforms.
        json!({ "path": { "$nmatch": "*/sha256:*" } }),
    ];
    if let Some(since) = since {
        let after = json!({ "$gt": since.to_string() });
        all.push(json!({ "$or": [{ "modified": after }, { "updated": after }] }));
    }
    let criteria = json!({ "$and": all });
    format!(
        "items.find({criteria})\
         .include(\"repo\",\"path\",\"name\",\"sha256\",\"modified\",\"updated\")\
         .sort({{\"$asc\":[\"path\",\"name\",\"repo\"]}})\
         .offset({offset})\
         .limit({PAGE_SIZE})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_what_the_vendor_documents() {
        assert_eq!(
            manifests("docker-local", None, 0),
            concat!(
                r#"items.find({"$and":[{"repo":"docker-local"},"#,
                r#"{"$or":[{"name":"manifest.json"},{"name":"list.manifest.json"}]},"#,
                r#"{"path":{"$nmatch":"*/sha256:*"}}]})"#,
                r#".include("repo","path","name","sha256","modified","updated")"#,
                r#".sort({"$asc":["path","name","repo"]}).offset(0).limit(1000)"#,
            )
        );
        let since = "2026-03-01T12:00:00.5Z".parse().unwrap();
        let changes = manifests("a", Some(since), 2000);
        for part in [
            concat!(
                r#"{"$or":[{"modified":{"$gt":"2026-03-01T12:00:00.5Z"}},"#,
                r#"{"updated":{"$gt":"2026-03-01T12:00:00.5Z"}}]}"#,
            ),
            ".offset(2000).",
        ] {
            assert!(changes.contains(part), "{changes}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let text = manifests(r#"x"}]}).include("*").find({"repo":"y"#, None, 0);
        assert!(
            text.contains(r#"{"repo":"x\"}]}).include(\"*\").find({\"repo\":\"y"}"#),
            "{text}"
        );
    }

    #[test]
    fn searches_are_short() {
        // JFrog, "AQL performance": 6,000 characters by default.
        let text = manifests(&"k".repeat(64), Some(Timestamp::MAX), usize::MAX);
        assert!(text.len() < 1000, "{}", text.len());
    }
}
