//! Completion scripts for shells, made from the command line as it is declared.

use std::io::{self, ErrorKind, Write};

pub use clap_complete::Shell;

/// Writes the script by which a shell completes the command line of a program, and flushes. A
/// reader that has gone away is no failure.
///
/// # Errors
///
/// If the script cannot be written.
pub fn write_completions(
    out: &mut impl Write,
    mut command: clap::Command,
    shell: Shell,
) -> io::Result<()> {
    let program = command.get_name().to_owned();
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, program, &mut script);
    match out.write_all(&script).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ValueEnum as _};

    use super::*;

    #[test]
    fn each_shell_gets_the_flags_of_the_program() {
        for shell in Shell::value_variants() {
            let command = clap::Command::new("watcher").arg(Arg::new("dry").long("dry-run"));
            let mut script = Vec::new();
            write_completions(&mut script, command, *shell).unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("watcher"), "{shell}: {script}");
            assert!(script.contains("dry-run"), "{shell}: {script}");
        }
    }
}
