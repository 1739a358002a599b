//! Vault passwords from files, and from programs that print them.

use super::Key;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read, or the program not be run.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program failed.
    #[error("{} ended with {status}", path.display())]
    Failed {
        /// The program.
        path: PathBuf,
        /// Its exit status, in words.
        status: String,
    },
    /// There is nothing in it.
    #[error("there is no password in {}", path.display())]
    Empty {
        /// The file or program.
        path: PathBuf,
    },
}

impl Key {
    /// The password in a file, without white space around it; or what the file prints where it is executable.
    ///
    /// A program whose name ends with `-client` is told the vault id by `--vault-id LABEL`, as Ansible does. What it says
    /// on standard error is the user's to see.
    pub fn read(label: &str, path: &Path) -> Result<Self, PasswordError> {
        let failed = |source| PasswordError::Io {
            path: path.to_owned(),
            source,
        };
        let facts = fs::metadata(path).map_err(failed)?;
        if facts.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let password = if facts.permissions().mode() & 0o111 == 0 {
            Zeroizing::new(fs::read(path).map_err(failed)?)
        } else {
            printed(label, path)?
        };
        let password = password.trim_ascii();
        if password.is_empty() {
            return Err(PasswordError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self::new(label, password))
    }
}

fn printed(label: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let failed = |source| PasswordError::Io {
        path: path.to_owned(),
        source,
    };
    // A bare name would be looked for in PATH.
    let mut command = Command::new(std::path::absolute(path).map_err(failed)?);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if stem.ends_with("-client") {
        command.args(["--vault-id", label]);
    }
    let output = command
        .stderr(Stdio::inherit())
        .stdin(Stdio::inherit())
        .output()
        .map_err(failed)?;
    let password = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(password);
    }
    Err(PasswordError::Failed {
        path: path.to_owned(),
        status: output.status.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_holds_the_password_and_a_program_prints_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let cases = [
            ("pw", " secret \n", 0o600, "secret"),
            (
                "script",
                "#!/bin/sh\necho \"printed $*\"\n",
                0o700,
                "printed",
            ),
            (
                "my-client.sh",
                "#!/bin/sh\necho \"for $*\"\n",
                0o700,
                "for --vault-id dev",
            ),
        ];
        for (name, text, mode, expected) in cases {
            let path = written(at, name, text, mode);
            let key = Key::read("dev", &path).unwrap();
            assert_eq!(key.password(), expected.as_bytes(), "{name}");
        }
    }

    #[test]
    fn no_password_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let cases = [
            (written(at, "empty", "\n", 0o600), "there is no password in"),
            (
                written(at, "fails", "#!/bin/sh\necho secret; exit 3\n", 0o700),
                "ended with exit status: 3",
            ),
            (at.join("missing"), "No such file"),
            (at.to_owned(), "is a directory"),
        ];
        for (path, expected) in cases {
            let error = Key::read("default", &path).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
