//! Reads what `--help` of our programs prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::support::program;

/// A command of one of our programs, as its help shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    /// The words behind `Usage:`.
    pub(crate) line: String,
    /// Flags by name, without `--help` and `--version`.
    pub(crate) flags: BTreeMap<String, Flag>,
    /// Other names for flags.
    pub(crate) other_flags: BTreeSet<String>,
    /// Other names for it.
    pub(crate) aliases: BTreeSet<String>,
    /// Names of the commands below it, and other names for them.
    commands: BTreeMap<String, BTreeSet<String>>,
}

/// A flag of a command.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Flag {
    /// The name of its value, such as `FILE`; empty without one.
    pub(crate) value: String,
    /// Its value if it is left out; empty without one.
    pub(crate) default: String,
    /// The variable that gives its value.
    pub(crate) variable: String,
    /// What it is for.
    pub(crate) meaning: String,
}

/// Returns all commands of a program: `scout`, `scout token`, `scout token list`, …
pub(crate) fn commands(program: &str) -> BTreeMap<String, Usage> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(program.to_owned(), BTreeSet::new())];
    while let Some((command, aliases)) = waiting.pop() {
        let mut usage = Usage::of(&command);
        usage.aliases = aliases;
        let below = usage.commands.iter();
        waiting.extend(below.map(|(name, others)| (format!("{command} {name}"), others.clone())));
        found.insert(command, usage);
    }
    found
}

impl Usage {
    fn of(command: &str) -> Self {
        let mut words = command.split(' ');
        let program = words.next().unwrap();
        let arguments = words.chain(["--help"]);
        let help = program::run(program, Path::new("/"), arguments).expect_code(0);
        Self::parse(&help.stdout)
    }

    fn parse(help: &str) -> Self {
        let line = help.lines().find_map(|line| line.strip_prefix("Usage: "));
        Self {
            line: line.unwrap().to_owned(),
            flags: flags(&part(help, "Options:")),
            other_flags: other_flags(&part(help, "Options:")),
            aliases: BTreeSet::new(),
            commands: names(&part(help, "Commands:")),
        }
    }
}

/// Returns what stands below a title: all that is indented.
fn part(help: &str, title: &str) -> String {
    let below = help.lines().skip_while(|line| *line != title).skip(1);
    let indented = below.take_while(|line| line.is_empty() || line.starts_with(' '));
    indented.map(|line| format!("{line}\n")).collect()
}

fn flags(options: &str) -> BTreeMap<String, Flag> {
    let first = Regex::new(r"(?m)^ {2,6}(?:-\w, )?(--[a-z-]+)(?: \[?<([^>]+)>\]?)?").unwrap();
    let starts: Vec<_> = first.captures_iter(options).collect();
    let mut found = BTreeMap::new();
    for (i, start) in starts.iter().enumerate() {
        let from = start.get(0).unwrap().end();
        let to = starts
            .get(i + 1)
            .map_or(options.len(), |next| next.get(0).unwrap().start());
        let words: Vec<_> = options[from..to].split_whitespace().collect();
        let text = words.join(" ");
        let name = start[1].to_owned();
        if ["--help", "--version"].contains(&name.as_str()) {
            continue;
        }
        let flag = Flag {
            value: start
                .get(2)
                .map_or_else(String::new, |value| value.as_str().to_owned()),
            default: bracket(&text, "default"),
            variable: bracket(&text, "env").split('=').next().unwrap().to_owned(),
            meaning: text
                .split(" [")
                .next()
                .unwrap()
                .split(" Possible values")
                .next()
                .unwrap()
                .to_owned(),
        };
        found.insert(name, flag);
    }
    found
}

/// Returns the other names that stand behind flags, in `[alias: --all]` or `[aliases: --a, --b]`.
fn other_flags(options: &str) -> BTreeSet<String> {
    let alias = Regex::new(r"\[alias(?:es)?: ([^\]]+)\]").unwrap();
    let names = alias.captures_iter(options);
    let names: Vec<_> = names.map(|found| found[1].to_owned()).collect();
    let names = names.iter().flat_map(|names| names.split(", "));
    names.map(|name| name.trim().to_owned()).collect()
}

/// Returns what stands in `[NAME: …]`.
fn bracket(text: &str, name: &str) -> String {
    let rest = text.split_once(&format!("[{name}: "));
    rest.map_or_else(String::new, |(_, rest)| {
        rest.split(']').next().unwrap().to_owned()
    })
}

fn names(commands: &str) -> BTreeMap<String, BTreeSet<String>> {
    let first = Regex::new(r"(?m)^  ([a-z]\S*)  ").unwrap();
    let starts: Vec<_> = first.captures_iter(commands).collect();
    let mut found = BTreeMap::new();
    for (i, start) in starts.iter().enumerate() {
        let to = starts
            .get(i + 1)
            .map_or(commands.len(), |next| next.get(0).unwrap().start());
        let text = &commands[start.get(0).unwrap().end()..to];
        let others = bracket(text, "alias") + &bracket(text, "aliases");
        let others = others.split(", ").filter(|name| !name.is_empty());
        found.insert(start[1].to_owned(), others.map(str::to_owned).collect());
    }
    found.remove("help");
    found
}

#[test]
fn help_is_read_in_both_of_its_forms() {
    let long = "It\n\nUsage: p [OPTIONS]\n\nOptions:\n      --listen <ADDR>\n          Address, a [long]\n          \
        one\n          \n          [default: 1:2]\n\n      --sbom [<BOOL>]\n          All\n\n  -h, --help\n          Print\n\n\
        Behind:\n  --no <X>\n";
    let short = "It\n\nUsage: q <C>\n\nCommands:\n  add   Add it [alias: a]\n  list  List\n        more\n  help  Print\n\n\
        Options:\n      --all         All of\n                    them\n      --dir <DIR>   Where [env: D=x] [default: ./d]\n  \
        -h, --help        Print\n";
    let long = Usage::parse(long);
    assert_eq!(long.line, "p [OPTIONS]");
    let listen = &long.flags["--listen"];
    assert_eq!(
        (listen.value.as_str(), listen.default.as_str()),
        ("ADDR", "1:2")
    );
    assert_eq!(long.flags["--sbom"].value, "BOOL");
    assert_eq!(long.flags.len(), 2, "{long:?}");
    let short = Usage::parse(short);
    assert_eq!(short.flags["--all"].meaning, "All of them");
    assert_eq!(short.flags["--all"].value, "");
    let dir = &short.flags["--dir"];
    assert_eq!((dir.variable.as_str(), dir.default.as_str()), ("D", "./d"));
    let names: Vec<_> = short.commands.keys().map(String::as_str).collect();
    assert_eq!(names, ["add", "list"]);
    assert!(short.commands["add"].contains("a"));
}
