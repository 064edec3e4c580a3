//! The completion scripts: bash takes them, and completes each command of each program with them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::usage::commands;
use crate::support::program::{self, DEADLINE};

/// Completes the last of some words, as bash does it for a person who presses tab. The first argument
/// is the completion script.
const COMPLETE: &str = r#"
set -eu
eval "$1"; shift
program=$1
function=$(complete -p "$program" | sed 's/.* -F \([^ ]*\) .*/\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
COMPREPLY=()
"$function" "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || true
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// Returns the script of a program for a shell.
fn script(program: &str, shell: &str) -> String {
    let arguments: &[&str] = match program {
        "scout" => &["completions", shell],
        _ => &["--completions", shell],
    };
    let outcome = program::run(program, Path::new("/"), arguments).expect_code(0);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

/// Returns what bash offers for the last word.
fn offered(script: &str, words: &[&str]) -> BTreeSet<String> {
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", COMPLETE, "bash", script])
        .args(words);
    let outcome = program::wait(bash, DEADLINE).expect_code(0);
    assert_eq!(outcome.stderr, "", "{words:?}");
    let offered = outcome.stdout.lines().filter(|line| !line.is_empty());
    offered.map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_flag_and_every_command() {
    for program in ["scout", "scout-exporter", "scout-watch"] {
        let script = script(program, "bash");
        let all = commands(program);
        for (command, usage) in &all {
            let mut words: Vec<_> = command.split(' ').collect();
            words.push("--");
            let offered_flags = offered(&script, &words);
            for flag in usage.flags.keys() {
                assert!(
                    offered_flags.contains(flag),
                    "{command} {flag}: {offered_flags:?}"
                );
            }
            let unknown = offered_flags.iter().filter(|flag| {
                !usage.flags.contains_key(*flag)
                    && !usage.other_flags.contains(*flag)
                    && !["--help", "--version"].contains(&flag.as_str())
            });
            assert_eq!(unknown.count(), 0, "{command}: {offered_flags:?}");
            let below = all
                .keys()
                .filter_map(|other| other.strip_prefix(&format!("{command} ")));
            *words.last_mut().unwrap() = "";
            let offered = offered(&script, &words);
            for name in below.filter(|name| !name.contains(' ')) {
                assert!(offered.contains(name), "{command} {name}: {offered:?}");
            }
        }
    }
}

#[test]
fn bash_completes_values() {
    for (program, words, expected) in [
        ("scout", &["scout", "com"][..], &["completions"][..]),
        ("scout", &["scout", "completions", "z"], &["zsh"]),
        ("scout", &["scout", "images", "--format", "j"], &["json"]),
        (
            "scout-exporter",
            &["scout-exporter", "--source", ""],
            &["store", "hosted"],
        ),
        (
            "scout-watch",
            &["scout-watch", "--completions", "f"],
            &["fish"],
        ),
    ] {
        let offered = offered(&script(program, "bash"), words);
        let expected: BTreeSet<_> = expected.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(offered, expected, "{words:?}");
    }
}

#[test]
fn every_shell_gets_a_script_that_names_program_and_flags() {
    for (program, flag) in [
        ("scout", "data-dir"),
        ("scout-exporter", "cache-ttl"),
        ("scout-watch", "all-images"),
    ] {
        for (shell, mark) in [
            ("bash", "complete -F"),
            ("zsh", "#compdef"),
            ("fish", "complete -c"),
        ] {
            let script = script(program, shell);
            for text in [program, flag, mark] {
                assert!(
                    script.contains(text),
                    "{program} {shell}: no {text}\n{script}"
                );
            }
        }
    }
}

#[test]
fn a_shell_that_is_not_known_is_refused_with_those_that_are() {
    for (program, arguments) in [
        ("scout", &["completions", "dos"][..]),
        ("scout-watch", &["--completions", "dos"]),
        ("scout-exporter", &["--completions", "dos"]),
        (
            "scout-exporter",
            &["--completions", "bash", "--log-format", "json"],
        ),
    ] {
        let outcome = program::run(program, Path::new("/"), arguments).expect_code(64);
        assert_eq!(outcome.stdout, "");
        if arguments.contains(&"dos") {
            outcome.says("bash").says("zsh").says("fish");
        }
    }
}
