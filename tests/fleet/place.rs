//! Where a run of these tests keeps what it makes, and that all of it goes away.
//!
//! One folder, one cgroup and one bridge per process, named after it. A small shell waits for the end of this process,
//! whatever ends it, and then cleans up; what it could not clean up, because it was killed too, the next run does.

use super::network::Network;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

const CLEANUP: &str = include_str!("scripts/cleanup.sh");
const FOLDER: &str = "/run/windlass-fleet";
const TOOLS: [&str; 6] = [
    "mmdebstrap",
    "systemd-nspawn",
    "unshare",
    "nsenter",
    "ip",
    "ssh-keygen",
];

/// What this process makes.
pub(crate) struct Place {
    /// For files; in memory, and only root may look inside.
    pub(crate) folder: PathBuf,
    /// Parent of all containers' cgroups.
    pub(crate) cgroup: PathBuf,
    /// Begins the name of everything that is visible from outside.
    pub(crate) tag: String,
    /// The bridge that the containers are on.
    pub(crate) network: Network,
    /// Waits for our end at the other side of a pipe.
    _reaper: Child,
}

impl Place {
    /// The place of this process; `Err` says why there can be none.
    pub(crate) fn of_this_process() -> Result<&'static Self, String> {
        static PLACE: OnceLock<Result<Place, String>> = OnceLock::new();
        PLACE
            .get_or_init(|| wanted().map(|cgroups| Self::make(&cgroups)))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn make(cgroups: &Path) -> Self {
        remove_stale(cgroups);
        let tag = format!("wf{:x}", std::process::id());
        let folder = Path::new(FOLDER).join(&tag);
        let cgroup = cgroups.join(&tag);
        let bridge = format!("{tag}-br");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("owner"), started(std::process::id()).unwrap()).unwrap();
        let reaper = Command::new("/bin/sh")
            .args([
                "-c",
                "cat >/dev/null; exec sh -c \"$@\"",
                "reaper",
                CLEANUP,
                "cleanup",
            ])
            .args([&folder, &cgroup])
            .arg(&bridge)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            // A Ctrl-C is meant for the tests, not for what tidies up after them.
            .process_group(0)
            .spawn()
            .unwrap();
        fs::create_dir(&cgroup).unwrap();
        Self {
            network: Network::make(&bridge),
            folder,
            cgroup,
            tag,
            _reaper: reaper,
        }
    }
}

/// The folder of cgroups, where the tests are wanted and can run.
fn wanted() -> Result<PathBuf, String> {
    if !std::env::var("WINDLASS_TEST_FLEET").is_ok_and(|value| value == "1") {
        return Err(
            "set WINDLASS_TEST_FLEET=1 to test on containers with systemd and OpenSSH".to_owned(),
        );
    }
    if !rustix::process::geteuid().is_root() {
        return Err("containers need root".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in TOOLS {
        if !std::env::split_paths(&path).any(|folder| folder.join(tool).exists()) {
            return Err(format!("{tool} is not installed"));
        }
    }
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.join("cgroup.procs").exists() && path.join("cgroup.controllers").exists())
        .ok_or_else(|| "cgroups of version 2 are not mounted".to_owned())
}

/// When a process was started, in the kernel's ticks; tells it from a later one of the same number.
fn started(process: u32) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold spaces.
    let after_name = text.rsplit(')').next().unwrap_or_default();
    Ok(after_name
        .split_whitespace()
        .nth(19)
        .unwrap_or_default()
        .to_owned())
}

/// Cleans up after runs whose process is gone.
fn remove_stale(cgroups: &Path) {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let tag = entry.file_name().into_string().unwrap();
        let owner = fs::read_to_string(entry.path().join("owner")).unwrap_or_default();
        let process = u32::from_str_radix(tag.trim_start_matches("wf"), 16).unwrap_or_default();
        if started(process).is_ok_and(|started| started == owner) {
            continue;
        }
        let status = Command::new("/bin/sh")
            .args(["-c", CLEANUP, "cleanup"])
            .args([entry.path(), cgroups.join(&tag)])
            .arg(format!("{tag}-br"))
            .status()
            .unwrap();
        assert!(
            status.success(),
            "the fleet of an earlier run cannot be removed: {tag}"
        );
    }
}
