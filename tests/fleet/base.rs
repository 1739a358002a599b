//! The base image: Debian with systemd and OpenSSH, made once with `mmdebstrap` and kept under the cargo target folder.
//!
//! Hosts lay a disk of their own over it; nothing writes into it once it is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a host has beside the essential packages of Debian.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,openssh-server,iproute2,procps,sudo,socat,cron";

/// The ordinary user that windlass logs in as; becomes root by sudo without a password.
pub(crate) const USER: &str = "ops";

/// Run in the new image: the user, and nothing that wakes up by itself in mid-test, or that watches folders for nobody: a
/// machine has a limit on that (`fs.inotify.max_user_instances`), and all hosts share it.
const FINISH: &str = "\
set -e
useradd --create-home --uid 1000 --shell /bin/sh ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
chmod 440 /etc/sudoers.d/ops
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer console-getty.service \
  systemd-ask-password-console.path systemd-ask-password-wall.path; do
  ln -sf /dev/null /etc/systemd/system/$unit
done
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
";

/// The image's folder. It is made if there is none; that takes about a minute and downloads about 60 MB.
pub(crate) fn image() -> PathBuf {
    // Another recipe is another image.
    let recipe = format!("{PACKAGES}{FINISH}");
    let number = recipe
        .bytes()
        .fold(5381_u32, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet");
    fs::create_dir_all(&folder).unwrap();
    let image = folder.join(format!("base-{number:08x}"));
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !image.exists() {
        make(&folder, &image);
    }
    image
}

fn make(folder: &Path, image: &Path) {
    let new = folder.join("new");
    let settings = folder.join("apt.conf");
    if new.exists() {
        fs::remove_dir_all(&new).unwrap();
    }
    fs::write(&settings, apt_settings()).unwrap();
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--quiet", "--variant=minbase", "--format=directory"])
        .arg(format!("--include={PACKAGES}"))
        .arg(format!("--aptopt={}", settings.display()))
        .arg(codename())
        .arg(&new)
        .args(sources());
    run(&mut command);
    run(Command::new("chroot")
        .arg(&new)
        .args(["/bin/sh", "-c", FINISH]));
    fs::rename(&new, image).unwrap();
}

/// How apt reaches its mirrors on this machine, such as through a proxy.
fn apt_settings() -> String {
    let output = Command::new("apt-config")
        .args(["dump", "Acquire"])
        .output()
        .unwrap();
    let wanted = [
        "Acquire::http",
        "Acquire::https",
        "Acquire::Check-",
        "Acquire::Retries",
    ];
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| wanted.iter().any(|start| line.starts_with(start)))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Debian's sources on this machine; without them mmdebstrap uses its own.
fn sources() -> Option<PathBuf> {
    [
        "/etc/apt/sources.list.d/debian.sources",
        "/etc/apt/sources.list",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
}

/// The Debian release of this machine.
fn codename() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .unwrap_or("bookworm")
        .to_owned()
}

fn run(command: &mut Command) {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
