//! An sshd of our own on loopback, with keys and settings in a folder that goes when the benchmark is over.

use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the server is on Linux; it insists on being called by its full path.
const SSHD: &str = "/usr/sbin/sshd";

/// The server; it ends with the value.
pub(crate) struct Server {
    folder: PathBuf,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Who logs in: whoever runs the benchmark, since without root sshd can let nobody else in.
    pub(crate) user: String,
    daemon: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

impl Server {
    /// Whether there is an sshd to start.
    pub(crate) fn is_there() -> bool {
        Path::new(SSHD).exists()
    }

    /// Starts it with its files in `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let at = folder.display();
        let user = output(Command::new("id").arg("-un"))?;
        if user == "root" {
            // sshd gives up its rights there, and wants it to exist.
            fs::create_dir_all("/run/sshd")?;
        }
        for key in ["host", "id"] {
            output(
                Command::new("ssh-keygen")
                    .args(["-q", "-N", "", "-t", "ed25519", "-f"])
                    .arg(folder.join(key)),
            )?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::write(
            folder.join("sshd_config"),
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/id.pub\n\
                 PidFile none\nStrictModes no\nUsePAM no\nUseDNS no\nPasswordAuthentication no\nPermitRootLogin yes\n\
                 MaxStartups 1000\nMaxSessions 1000\nSubsystem sftp internal-sftp\n"
            ),
        )?;
        let host_key = fs::read_to_string(folder.join("host.pub"))?;
        fs::write(
            folder.join("known_hosts"),
            format!("[127.0.0.1]:{port} {host_key}"),
        )?;
        let daemon = Command::new(SSHD)
            .args(["-D", "-E"])
            .arg(folder.join("sshd.log"))
            .arg("-f")
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .spawn()
            .context(SSHD)?;
        let server = Self {
            folder: folder.to_owned(),
            port,
            user,
            daemon,
        };
        for _ in 0..250 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!(
            "sshd does not listen: {}",
            fs::read_to_string(folder.join("sshd.log"))?
        )
    }

    /// Options for `ssh` and for `ansible_ssh_common_args`.
    pub(crate) fn options(&self) -> String {
        format!(
            "-o UserKnownHostsFile={}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes",
            self.folder.display()
        )
    }

    /// The private key that the server takes.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("id")
    }
}

/// What a command prints; it must succeed.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
