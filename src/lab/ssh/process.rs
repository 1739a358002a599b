//! The processes of a command: a shell and everything it starts, as one process group.
//!
//! This file must not know SSH.

use crate::lab::host::HostFolder;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::process::{Child, Command};

/// What a shell does first that may write 16 KiB to a file and no more. The limit is counted in blocks of 512 bytes, and
/// without the signal a write beyond it fails as on a full disk.
const LITTLE_DISK: &str = "trap '' XFSZ; ulimit -f 32; exec /bin/sh \"$@\"";

/// How much a command may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// As much as it wants.
    Free,
    /// Small files only.
    Full,
}

/// Starts `/bin/sh -c LINE`, or a shell that reads its standard input when there is no line.
pub(super) fn start(
    line: Option<&[u8]>,
    environment: &[(String, String)],
    folder: &Path,
    disk: Disk,
) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    if disk == Disk::Full {
        command.args(["-c", LITTLE_DISK, "sh"]);
    }
    if let Some(line) = line {
        command.arg("-c").arg(OsStr::from_bytes(line));
    }
    command
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// The process group of a running command. It is killed when this is dropped before the command ended.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    ended: AtomicBool,
}

impl Group {
    /// The group that `child` leads.
    pub(super) fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self {
            leader,
            ended: AtomicBool::new(false),
        }
    }

    /// The command was waited for: its number may belong to another process from now on.
    pub(super) fn ended(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Sends a signal to all processes of the command, if it still runs.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader
            && !self.ended.load(Ordering::SeqCst)
        {
            // The group may end at this very moment; then there is nobody left to tell.
            kill_process_group(leader, signal).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Kills every process of a host, also those that left their command's group. Each has the host's folder in its
/// environment. Where the system does not show environments, those that left stay.
pub(super) fn kill_all_of(host: &HostFolder) {
    let mark = [b"LAB_ROOT=", host.root().as_os_str().as_bytes()].concat();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return;
    };
    for process in processes.filter_map(Result::ok) {
        let number = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else {
            continue;
        };
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|line| line == mark)
        {
            // It may have ended since.
            kill_process(pid, Signal::KILL).ok();
        }
    }
}
