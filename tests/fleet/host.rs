//! One host: a container with its own systemd, address and disk.

use super::network::set_link;
use super::place::Place;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const CONTAINER: &str = include_str!("scripts/container.sh");
/// How long a host may take to answer after its start. It takes seconds; a busy machine more.
const PATIENCE: Duration = Duration::from_secs(90);

/// A container. It ends with the process of the tests.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    machine: String,
    folder: PathBuf,
    cgroup: PathBuf,
    keeper: Child,
}

/// What is known of a host before it is booted.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    number: u8,
    folder: PathBuf,
}

impl Plan {
    /// Gives a host its address and an empty folder for the files it starts with.
    pub(crate) fn new(place: &Place, name: &str) -> Self {
        let (number, address) = place.network.next();
        let folder = place.folder.join(format!("host{number}"));
        fs::create_dir_all(folder.join("seed")).unwrap();
        Self {
            name: name.to_owned(),
            address,
            number,
            folder,
        }
    }

    /// Writes a file that the host starts with.
    pub(crate) fn file(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        set_mode(&path, mode);
    }

    /// Makes a symbolic link that the host starts with.
    pub(crate) fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// Where a file of the host lies until it is booted.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join("seed").join(path.trim_start_matches('/'))
    }

    /// Starts the container; [`Host::wait`] waits until it is there.
    pub(crate) fn boot(self, place: &Place, base: &Path) -> Host {
        let machine = format!("{}-{}", place.tag, self.number);
        let cgroup = place.cgroup.join(format!("host{}", self.number));
        let log = fs::File::create(self.folder.join("console")).unwrap();
        let keeper = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                CONTAINER,
                "container",
            ])
            .args([&self.folder, &cgroup])
            .arg(base)
            .args([&machine, &place.network.bridge, &self.name])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        Host {
            name: self.name,
            address: self.address,
            machine,
            folder: self.folder,
            cgroup,
            keeper,
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Host {
    /// Waits until systemd has started everything and sshd answers.
    pub(crate) fn wait(&mut self) {
        let ssh = SocketAddr::from((self.address, 22));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&ssh, Duration::from_secs(1)).is_err()
            || self.output("systemctl is-system-running").stdout != b"running\n"
        {
            let over = self.keeper.try_wait().unwrap().is_some() || Instant::now() > deadline;
            assert!(!over, "{} did not boot: {}", self.name, self.console());
            sleep(Duration::from_millis(100));
        }
    }

    /// What the host has printed on its console.
    fn console(&self) -> String {
        let text = fs::read(self.folder.join("console")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The host's first process, as this machine numbers it.
    fn first_process(&self) -> Option<String> {
        let list = self.cgroup.join("host/payload/init.scope/cgroup.procs");
        let text = fs::read_to_string(list).ok()?;
        text.lines().next().map(str::to_owned)
    }

    /// Runs a shell command on the host as root, past SSH and the network.
    pub(crate) fn output(&self, script: &str) -> Output {
        let process = self.first_process().unwrap_or_else(|| "0".to_owned());
        Command::new("nsenter")
            .args(["--target", &process, "--all", "--root", "--wd", "env", "-i"])
            .args([
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
                "HOME=/root",
                "sh",
                "-c",
            ])
            .arg(script)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Copies files and folders of `from` into a folder of the host.
    pub(crate) fn put(&self, from: &Path, names: &[&str], to: &str) {
        let mut pack = Command::new("tar")
            .args(["--create", "--dereference", "--directory"])
            .arg(from)
            .args(names)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let process = self.first_process().expect("a host that runs");
        let status = Command::new("nsenter")
            .args(["--target", &process, "--all", "--root", "--wd", "/bin/sh", "-c"])
            .arg("PATH=/usr/bin:/bin mkdir -p \"$0\" && PATH=/usr/bin:/bin tar --extract --no-same-owner --directory \"$0\"")
            .arg(to)
            .stdin(pack.stdout.take().unwrap())
            .status()
            .unwrap();
        assert!(
            pack.wait().unwrap().success() && status.success(),
            "{names:?} to {to}"
        );
    }

    /// The same, which must succeed; its output without the end of the line.
    pub(crate) fn run(&self, script: &str) -> String {
        let output = self.output(script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} on {}: {errors}",
            script,
            self.name
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// All files that an upgrade might touch, with modes, owners and checksums.
    pub(crate) fn files(&self) -> String {
        self.run(
            "cd / && find etc usr/local opt root home -printf '%p %M %U:%G %l\\n' | sort &&
             find etc usr/local opt root home -type f -exec sha256sum {} + | sort",
        )
    }

    /// The same without the kubelet's binary: what stays as it is when the kubelet is upgraded.
    pub(crate) fn other_files(&self) -> String {
        let files = self.files();
        let others = files
            .lines()
            .filter(|line| !line.contains("usr/local/bin/kubelet"));
        others.collect::<Vec<_>>().join("\n")
    }

    /// The version of a binary on disk.
    pub(crate) fn on_disk(&self, binary: &str) -> String {
        let text = self.run(&format!("/usr/local/bin/{binary} --version"));
        let version = text.split(' ').find(|word| word.starts_with("v1."));
        version.expect("a version").to_owned()
    }

    /// The version that a unit's main process was started with, from its command line.
    pub(crate) fn running(&self, unit: &str) -> String {
        self.run(&format!(
            "tr '\\0' ' ' </proc/$(systemctl show -P MainPID {unit})/cmdline | grep -o 'v1[.][^ ]*'"
        ))
    }

    /// Asserts that a unit runs this version, and that the binary on disk is of that version too.
    pub(crate) fn assert_serves(&self, unit: &str, binary: &str, version: &str) {
        let about = format!("{unit} on {}", self.name);
        assert_eq!(
            self.output(&format!("systemctl is-active {unit}")).stdout,
            b"active\n",
            "{about}"
        );
        assert_eq!(self.on_disk(binary), version, "{about}");
        assert_eq!(self.running(unit), version, "{about}");
    }

    /// Cuts the host off, or lets it back.
    pub(crate) fn set_link(&self, up: bool) {
        set_link(&self.machine, up);
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(100));
    }
}
