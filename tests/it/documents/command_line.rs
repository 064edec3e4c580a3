//! `docs/command-line.md` has every command and every flag, with its value, its default and its
//! variable, and no other.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, code, rows};
use super::usage::{Flag, Usage, commands};

const PAGE: &str = "docs/command-line.md";
const PROGRAMS: [&str; 3] = ["scout-watch", "scout-exporter", "scout"];

/// Returns the flags of the tables in a text. The meaning is left out.
fn flags(text: &str) -> BTreeMap<String, Flag> {
    let rows = rows(text)
        .into_iter()
        .filter(|row| row[0].starts_with("`--"));
    rows.map(|row| {
        let [flag, default, meaning] = row.as_slice() else {
            panic!("{row:?}");
        };
        let words = code(flag)[0];
        let (name, value) = words.split_once(' ').unwrap_or((words, ""));
        let variable = code(meaning)
            .into_iter()
            .find(|word| word.starts_with("SCOUT_"));
        let flag = Flag {
            value: value.to_owned(),
            default: code(default)
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
            variable: variable.unwrap_or_default().to_owned(),
            meaning: String::new(),
        };
        assert!(meaning.len() > 3, "{row:?}");
        (name.to_owned(), flag)
    })
    .collect()
}

/// Returns the rows that a table should have.
fn expected(usage: &Usage, common: &BTreeMap<String, Flag>) -> BTreeMap<String, Flag> {
    let own = usage
        .flags
        .iter()
        .filter(|(name, _)| !common.contains_key(*name));
    own.map(|(name, flag)| {
        let meaning = String::new();
        (
            name.clone(),
            Flag {
                meaning,
                ..flag.clone()
            },
        )
    })
    .collect()
}

/// Returns rows as they would have to be written, for who has to add them.
fn written(flags: &BTreeMap<String, Flag>) -> String {
    let rows = flags.iter().map(|(name, flag)| {
        let words = [name.as_str(), &flag.value].join(" ");
        let default = match flag.default.as_str() {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let variable = match flag.variable.as_str() {
            "" => String::new(),
            variable => format!("; or `{variable}`"),
        };
        format!(
            "| `{}` | {default} | {}{variable} |\n",
            words.trim(),
            flag.meaning
        )
    });
    rows.collect()
}

#[test]
fn every_command_and_flag_is_on_the_page_and_no_other() {
    let page = Page::read(PAGE);
    let mut described = BTreeSet::new();
    for heading in page.headings() {
        let name = heading.trim_start_matches('#').trim();
        if let Some(name) = name
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
        {
            described.insert(name.to_owned());
        }
    }
    for program in PROGRAMS {
        let all = commands(program);
        let whole = page.section(&format!("## `{program}`"));
        // What all its commands have in common stands before the first of them.
        let common = match all.len() {
            1 => BTreeMap::new(),
            _ => flags(whole.split("\n### ").next().unwrap()),
        };
        for (command, usage) in &all {
            for (name, flag) in &common {
                if let Some(own) = usage.flags.get(name) {
                    let meaning = String::new();
                    assert_eq!(
                        &Flag {
                            meaning,
                            ..own.clone()
                        },
                        flag,
                        "{command} {name}"
                    );
                }
            }
            let is_group = usage.line.ends_with("<COMMAND>");
            if command == program && all.len() > 1 {
                assert!(is_group, "{command}: {}", usage.line);
                continue;
            }
            if is_group {
                continue;
            }
            assert!(
                described.remove(command),
                "{PAGE} has no heading `{command}`"
            );
            let section = match all.len() {
                1 => whole.clone(),
                _ => page.section(&format!("### `{command}`")),
            };
            let line = format!("```text\n{}\n", usage.line);
            assert!(section.contains(&line), "{command}: no {line}");
            let (found, expected) = (flags(&section), expected(usage, &common));
            if found != expected {
                let own = usage
                    .flags
                    .iter()
                    .filter(|(name, _)| !common.contains_key(*name));
                let own = own
                    .map(|(name, flag)| (name.clone(), flag.clone()))
                    .collect();
                panic!("`{command}` on {PAGE} should have\n{}", written(&own));
            }
            for other in &usage.aliases {
                assert!(
                    code(&section).contains(&other.as_str()),
                    "{command}, {other}"
                );
            }
        }
        described.remove(program);
    }
    assert!(described.is_empty(), "{PAGE} has {described:?}");
}
