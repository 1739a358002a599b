//! An sshd on 127.0.0.1 with keys and settings of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use windlass::connection::{
    Connection, ConnectionError, Connector, HostKeyPolicy, Keepalive, Kind, Target,
};

/// Whether these tests are wanted; says so when not.
pub(crate) fn wanted() -> bool {
    let wanted = std::env::var("WINDLASS_TEST_SSHD").is_ok_and(|value| value == "1");
    if !wanted {
        println!("skipped: set WINDLASS_TEST_SSHD=1 to test against a real sshd");
    }
    wanted
}

/// A server of its own; ends with the value.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    pub(crate) daemon: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends by process number, and waits so that nothing is left.
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

pub(crate) fn keygen(path: &Path, kind: &str) {
    let status = Program::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", kind, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    pub(crate) fn start(settings: &str) -> Self {
        drop(fs::create_dir_all("/run/sshd"));
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        keygen(&at("host_ed25519"), "ed25519");
        keygen(&at("host_ecdsa"), "ecdsa");
        keygen(&at("id"), "ed25519");
        fs::copy(at("id.pub"), at("authorized_keys")).unwrap();
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_ed25519\nHostKey {0}/host_ecdsa\n\
             AuthorizedKeysFile {0}/authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n{settings}\n",
            folder.path().display()
        );
        fs::write(at("sshd_config"), config).unwrap();
        let daemon = Program::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let server = Self {
            folder,
            port,
            daemon,
        };
        server.trust("host_ed25519.pub");
        server
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn key(&self, public: &str) -> String {
        let text = fs::read_to_string(self.at(public)).unwrap();
        text.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Makes one host key the only known one.
    pub(crate) fn trust(&self, public: &str) {
        self.know(&format!("[127.0.0.1]:{} {}\n", self.port, self.key(public)));
    }

    pub(crate) fn know(&self, text: &str) {
        fs::write(self.at("known_hosts"), text).unwrap();
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: "web1".to_owned(),
            kind: Kind::Ssh,
            address: "127.0.0.1".to_owned(),
            port: self.port,
            user: "root".to_owned(),
            password: None,
            identity_files: vec![self.at("id")],
            usual_keys: None,
            identities_only: false,
            passphrase: None,
            agent: None,
            jumps: Vec::new(),
            known_hosts: vec![self.at("known_hosts")],
            host_key_policy: HostKeyPolicy::Strict,
            connect_timeout: Duration::from_secs(10),
            attempts: 1,
            keepalive: Keepalive {
                interval: Duration::from_secs(15),
                count: 3,
            },
        }
    }

    pub(crate) async fn connect(&self) -> Arc<dyn Connection> {
        Connector::default().connect(&self.target()).await.unwrap()
    }

    pub(crate) async fn refused(&self, target: &Target) -> ConnectionError {
        Connector::default().connect(target).await.unwrap_err()
    }
}
