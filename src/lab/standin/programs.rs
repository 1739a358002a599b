//! The programs that all hosts of a lab share.

use crate::lab::folder;
use std::io;
use std::path::Path;

/// Name and text of each program.
const PROGRAMS: [(&str, &str); 4] = [
    ("journalctl", include_str!("journalctl.sh")),
    ("sudo", include_str!("sudo.sh")),
    ("systemctl", include_str!("systemctl.sh")),
    ("systemd-run", include_str!("systemd-run.sh")),
];

/// Puts the programs into this folder, in the version of this build.
pub(in crate::lab) fn install(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    for (name, text) in PROGRAMS {
        let path = path.join(name);
        // Most runs find what they left, and a program that runs is better not replaced.
        if std::fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        folder::write(&path, text.as_bytes(), folder::PROGRAM)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
