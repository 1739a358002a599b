//! One command as text for a shell.
//!
//! The script runs in a subshell, so that `exit`, `cd` and variables stay inside it, and goes through `eval`, so that
//! bad syntax ends the subshell and not the shell. Markers around it on both streams say where its output is.

use super::scan::{Scan, unguessable_word};
use crate::connection::ConnectionError;
use crate::shell::quote;
use std::fmt::Write as _;

/// Where the script's standard input comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Input<'a> {
    /// `/dev/null`.
    Nothing,
    /// These bytes, which travel inside the frame.
    Bytes(&'a [u8]),
    /// Whatever follows the frame on the shell's own input.
    Rest,
}

/// A framed command.
#[derive(Debug)]
pub(super) struct Frame {
    text: String,
    begin: String,
    end: String,
}

impl Frame {
    /// Frames a script.
    pub(super) fn new(script: &str, input: Input) -> Result<Self, ConnectionError> {
        if script.contains('\0') {
            return Err(ConnectionError::Unsupported(
                "a script cannot hold a NUL byte".to_owned(),
            ));
        }
        let begin = unguessable_word();
        let end = unguessable_word();
        let script = quote(&format!("{script}\n"));
        let body = match input {
            Input::Nothing => format!("( eval {script} ) </dev/null"),
            Input::Bytes(data) => {
                let format = printf_format(data);
                // The script may end without reading: then printf complains of a broken pipe to nobody.
                format!("printf '{format}' 2>/dev/null | ( eval {script} )")
            }
            Input::Rest => format!("( eval {script} )"),
        };
        // Braces make it one command: nothing runs before all of it was read.
        let text = format!(
            "{{ printf '\\n%s 0\\n' {begin}; printf '\\n%s 0\\n' {begin} >&2\n\
             {body}\n\
             printf '\\n%s %s\\n' {end} \"$?\"; printf '\\n%s 0\\n' {end} >&2; }}\n"
        );
        Ok(Self { text, begin, end })
    }

    /// What to write to the shell.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The frame as one line of harmless characters, to be read by `read -r` and undone by `printf`.
    pub(super) fn line(&self) -> String {
        printf_format(self.text.as_bytes()) + "\n"
    }

    /// A scan for this frame's markers.
    pub(super) fn scan(&self) -> Scan {
        Scan::new(&[&self.begin, &self.end])
    }
}

/// `data` as a format for `printf`, to stand in single quotes. All of POSIX's `printf` take any byte as an octal escape.
fn printf_format(data: &[u8]) -> String {
    let mut format = String::with_capacity(data.len() + data.len() / 8);
    for (place, &byte) in data.iter().enumerate() {
        match byte {
            b'\'' => format.push_str(r"\047"),
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str(r"\\"),
            b'\n' => format.push_str(r"\n"),
            // A format that starts with a minus would be an option.
            b'-' if place == 0 => format.push_str(r"\055"),
            b' '..=b'~' => format.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => {
                let _ = write!(format, r"\{byte:03o}");
            }
        }
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    const SHELLS: &[&[&str]] = &[&["/bin/sh"], &["busybox", "sh"]];

    fn run(shell: &[&str], arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    #[test]
    fn every_byte_survives_printf() {
        let all: Vec<u8> = (0..=255).chain(*b"-'\\%n").collect();
        let script = format!("printf '{}'", printf_format(&all));
        let dashed = format!("printf '{}'", printf_format(b"-n %s"));
        for shell in SHELLS {
            assert_eq!(run(shell, &[], script.as_bytes()), all, "{shell:?}");
            assert_eq!(run(shell, &[], dashed.as_bytes()), b"-n %s", "{shell:?}");
        }
    }

    #[test]
    fn a_frame_survives_as_one_line() {
        let frame = Frame::new("printf '%s\\n' 'it'\"'s\" é", Input::Rest).unwrap();
        let line = frame.line();
        assert_eq!(line.matches('\n').count(), 1);
        for shell in SHELLS {
            let printed = run(
                shell,
                &[
                    "-c",
                    r#"IFS= read -r s; s=$(printf "$s."); printf %s "${s%.}""#,
                ],
                line.as_bytes(),
            );
            assert_eq!(String::from_utf8(printed).unwrap(), frame.text());
        }
    }

    #[test]
    fn nul_bytes_are_refused() {
        assert!(Frame::new("a\0b", Input::Nothing).is_err());
    }
}
