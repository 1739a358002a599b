//! Whether a host's key is trusted: known hosts loaded before the handshake, and new keys written after it.

use super::known_hosts::{Line, Verdict, describe, judge, known_name, lines_about};
use crate::connection::{ConnectionError, HostKeyPolicy};
use ssh_key::{Algorithm, PublicKey};
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A host as it is reached, for lookups and messages.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What the user calls it.
    pub(super) label: String,
    pub(super) address: String,
    pub(super) port: u16,
}

/// What is known of one host's keys.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    host: Place,
    policy: HostKeyPolicy,
    lines: Vec<Line>,
    /// Where new keys go.
    file: Option<PathBuf>,
}

/// What to do about an offered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Go on.
    Accept,
    /// Go on, and remember the key.
    AcceptNew,
    /// End it, with these words.
    Refuse(String),
}

impl Trust {
    /// Reads the files. A file that is missing says nothing; one that cannot be read is an error, since it may revoke
    /// the key.
    pub(super) fn load(
        host: Place,
        policy: HostKeyPolicy,
        files: &[PathBuf],
    ) -> Result<Self, ConnectionError> {
        let name = known_name(&host.address, host.port);
        let mut lines = Vec::new();
        if policy != HostKeyPolicy::Off {
            for file in files {
                match std::fs::read(file) {
                    Ok(text) => {
                        lines.extend(lines_about(&String::from_utf8_lossy(&text), file, &name));
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(ConnectionError::HostKey(format!(
                            "cannot read the known host keys in {}: {error}",
                            file.display()
                        )));
                    }
                }
            }
        }
        Ok(Self {
            host,
            policy,
            lines,
            file: files.first().cloned(),
        })
    }

    /// The algorithms of the host's known keys.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        super::known_hosts::known_algorithms(&self.lines)
    }

    /// Judges an offered key.
    pub(super) fn decide(&self, offered: &PublicKey) -> Decision {
        if self.policy == HostKeyPolicy::Off {
            return Decision::Accept;
        }
        match (judge(&self.lines, offered), self.policy) {
            (Verdict::Known, _) => Decision::Accept,
            (Verdict::Unknown, HostKeyPolicy::AcceptNew) => Decision::AcceptNew,
            (verdict, _) => Decision::Refuse(self.refusal(&verdict, offered)),
        }
    }

    fn refusal(&self, verdict: &Verdict, offered: &PublicKey) -> String {
        let Place {
            label,
            address,
            port,
        } = &self.host;
        let name = known_name(address, *port);
        let offered = describe(offered);
        match verdict {
            Verdict::Revoked(place) => {
                format!("{label}: its host key {offered} is revoked in {place}")
            }
            Verdict::Changed(place, known) => {
                let known = known.as_deref().unwrap_or("a key that cannot be read");
                format!(
                    "{label}: the host key of {name} changed: it offers {offered}, but {place} has {known}; \
                     if the change is right, remove the old key with `ssh-keygen -R '{name}'` and add the new one"
                )
            }
            Verdict::AuthorityOnly(place) => format!(
                "{label}: the host key {offered} of {name} is not known, and host certificates ({place}) are not \
                 supported; {}",
                self.advice()
            ),
            Verdict::Unknown | Verdict::Known => format!(
                "{label}: the host key {offered} of {name} is not known; {}",
                self.advice()
            ),
        }
    }

    fn advice(&self) -> String {
        let Place { address, port, .. } = &self.host;
        let file = self.file.as_deref().map_or_else(
            || "~/.ssh/known_hosts".to_owned(),
            |file| file.display().to_string(),
        );
        format!(
            "compare the fingerprint, then add the key with `ssh-keyscan -p {port} {address} >> {file}`"
        )
    }

    /// Writes an accepted key down. Another process may have met the host meanwhile, so the file is read again under
    /// its lock; a different key that came in that way is refused.
    pub(super) fn remember(&self, key: &PublicKey) -> Result<(), ConnectionError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let failed = |error: io::Error| {
            ConnectionError::HostKey(format!(
                "{}: cannot add its host key to {}: {error}",
                self.host.label,
                file.display()
            ))
        };
        let (mut handle, text) = open_locked(file).map_err(failed)?;
        let name = known_name(&self.host.address, self.host.port);
        match judge(&lines_about(&text, file, &name), key) {
            Verdict::Known => return Ok(()),
            Verdict::Unknown | Verdict::AuthorityOnly(_) => {}
            verdict @ (Verdict::Changed(..) | Verdict::Revoked(_)) => {
                return Err(ConnectionError::HostKey(self.refusal(&verdict, key)));
            }
        }
        let mut plain = key.clone();
        plain.set_comment("");
        let key = plain
            .to_openssh()
            .map_err(|e| failed(io::Error::other(e)))?;
        let start = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        handle
            .write_all(format!("{start}{name} {}\n", key.trim_end()).as_bytes())
            .map_err(failed)
    }
}

/// Opens a file for appending, locked until it is closed, and reads it.
fn open_locked(file: &Path) -> io::Result<(std::fs::File, String)> {
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut handle = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(file)?;
    // A device such as /dev/null has nothing to lock or to read.
    if !handle.metadata()?.is_file() {
        return Ok((handle, String::new()));
    }
    handle.lock()?;
    let mut bytes = Vec::new();
    handle.read_to_end(&mut bytes)?;
    Ok((handle, String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcE=";

    fn trust(policy: HostKeyPolicy, file: &Path) -> Trust {
        let host = Place {
            label: "web1".to_owned(),
            address: "10.0.0.1".to_owned(),
            port: 2222,
        };
        Trust::load(host, policy, &[file.to_owned()]).unwrap()
    }

    fn key(text: &str) -> PublicKey {
        text.parse().unwrap()
    }

    #[test]
    fn policies_decide() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        let strict = trust(HostKeyPolicy::Strict, &file);
        let Decision::Refuse(words) = strict.decide(&key(ONE)) else {
            panic!("an unknown key must be refused");
        };
        assert!(
            words.contains("web1: the host key ssh-ed25519 SHA256:"),
            "{words}"
        );
        assert!(words.contains("ssh-keyscan -p 2222 10.0.0.1"), "{words}");
        let accepting = trust(HostKeyPolicy::AcceptNew, &file);
        assert_eq!(accepting.decide(&key(ONE)), Decision::AcceptNew);
        let off = trust(HostKeyPolicy::Off, &file);
        assert_eq!(off.decide(&key(ONE)), Decision::Accept);

        // A host that is known by a key of another type is not new.
        std::fs::write(&file, format!("[10.0.0.1]:2222 {ECDSA}\n")).unwrap();
        let Decision::Refuse(words) = trust(HostKeyPolicy::AcceptNew, &file).decide(&key(ONE))
        else {
            panic!("another type must be refused");
        };
        assert!(
            words.contains("changed") && words.contains("known_hosts:1"),
            "{words}"
        );
    }

    #[test]
    fn new_keys_are_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/known_hosts");
        let accepting = trust(HostKeyPolicy::AcceptNew, &file);
        accepting.remember(&key(ONE)).unwrap();
        accepting.remember(&key(ONE)).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("[10.0.0.1]:2222 {ONE}\n"));
        assert!(accepting.remember(&key(TWO)).is_err());
        assert_eq!(
            trust(HostKeyPolicy::Strict, &file).decide(&key(ONE)),
            Decision::Accept
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let host = Place {
            label: "h".to_owned(),
            address: "h".to_owned(),
            port: 22,
        };
        assert!(Trust::load(host, HostKeyPolicy::Strict, &[folder.path().to_owned()]).is_err());
    }
}
