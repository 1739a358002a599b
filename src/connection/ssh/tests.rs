//! Logins, host keys, tunnels and cut connections against a server in this process, without root or OpenSSH.

use crate::connection::{
    Command, Connection, ConnectionError, Connector, HostKeyPolicy, Keepalive, Kind, Output,
    Secret, Target,
};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelOpenFailure, MethodKind, MethodSet};
use ssh_key::LineEnding;
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

fn new_key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

static HOST_KEY: LazyLock<PrivateKey> = LazyLock::new(new_key);
static USER_KEY: LazyLock<PrivateKey> = LazyLock::new(new_key);

/// How the server lets people in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Key,
    Password,
    Questions,
    /// A key and then a password.
    Both,
}

struct Guest {
    door: Door,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Guest {
    fn answer(&self, right: bool, method: MethodKind) -> Auth {
        let next = |method: MethodKind| Some(MethodSet::from(&[method][..]));
        let reject = |method, partial_success| Auth::Reject {
            proceed_with_methods: next(method),
            partial_success,
        };
        match (self.door, method, right) {
            (Door::Both, MethodKind::PublicKey, true) => reject(MethodKind::Password, true),
            (_, _, true) => Auth::Accept,
            (Door::Key | Door::Both, ..) => reject(MethodKind::PublicKey, false),
            (Door::Password, ..) => reject(MethodKind::Password, false),
            (Door::Questions, ..) => reject(MethodKind::KeyboardInteractive, false),
        }
    }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let right = matches!(self.door, Door::Key | Door::Both)
            && key.public_key.key_data() == USER_KEY.public_key().key_data();
        Ok(self.answer(right, MethodKind::PublicKey))
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Self::Error> {
        let right = matches!(self.door, Door::Password | Door::Both) && password == "open sesame";
        Ok(self.answer(right, MethodKind::Password))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let right = response
            .next()
            .is_some_and(|given| given[..] == b"open sesame"[..]);
        Ok(self.answer(right, MethodKind::KeyboardInteractive))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        match port {
            1 => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            2 => {
                reply
                    .reject(ChannelOpenFailure::AdministrativelyProhibited)
                    .await;
            }
            _ => {
                reply.accept().await;
                tokio::spawn(async move {
                    let (mut read, mut write) = tokio::io::split(channel.into_stream());
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        if let Some(channel) = self.channels.remove(&id) {
            tokio::spawn(serve(
                channel,
                String::from_utf8_lossy(command).into_owned(),
            ));
        }
        Ok(())
    }
}

/// Runs a command line as sshd does, after the noise of a start-up file.
async fn serve(channel: Channel<Msg>, command: String) {
    let (mut read, write) = channel.split();
    let mut child = tokio::process::Command::new("/bin/sh")
        .args(["-c", &format!("echo welcome; echo hint >&2; {command}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut out, mut err) = (write.make_writer(), write.make_writer_ext(Some(1)));
    let output = async {
        tokio::join!(
            tokio::io::copy(&mut stdout, &mut out),
            tokio::io::copy(&mut stderr, &mut err)
        )
    };
    let input = async {
        while let Some(message) = read.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    if let Some(stdin) = &mut stdin {
                        drop(stdin.write_all(&data).await);
                    }
                }
                ChannelMsg::Eof => stdin = None,
                ChannelMsg::Close => return,
                _ => {}
            }
        }
    };
    tokio::select! {
        _ = async { tokio::join!(output, std::future::pending::<()>()) } => {}
        () = input => return,
        status = child.wait() => {
            let status = status.unwrap().code().unwrap_or(255);
            drop(write.exit_status(u32::try_from(status).unwrap()).await);
        }
    }
    drop(write.close().await);
}

/// A server that takes any number of connections until it is dropped.
struct Server {
    folder: TempDir,
    port: u16,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Cuts the first `resets` connections off at once, and every connection when `cut` is notified.
    async fn start(door: Door, resets: u32, cut: Arc<tokio::sync::Notify>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user_key = USER_KEY.to_openssh(LineEnding::LF).unwrap();
        std::fs::write(folder.path().join("id"), user_key.as_bytes()).unwrap();
        let host_key = HOST_KEY.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut known = host_key.public_key().clone();
        known.set_comment("");
        let line = format!("[127.0.0.1]:{port} {}\n", known.to_openssh().unwrap());
        std::fs::write(folder.path().join("known_hosts"), line).unwrap();
        let config = Arc::new(russh::server::Config {
            keys: vec![host_key],
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            nodelay: true,
            ..russh::server::Config::default()
        });
        let accepting = tokio::spawn(async move {
            let mut resets = resets;
            while let Ok((mut socket, _)) = listener.accept().await {
                if resets > 0 {
                    resets -= 1;
                    continue;
                }
                let guest = Guest {
                    door,
                    channels: HashMap::new(),
                };
                let (near, mut far) = tokio::io::duplex(65_536);
                let (config, cut) = (config.clone(), cut.clone());
                tokio::spawn(async move {
                    if let Ok(session) = russh::server::run_stream(config, near, guest).await {
                        drop(session.await);
                    }
                });
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut socket, &mut far) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self {
            folder,
            port,
            accepting: accepting.abort_handle(),
        }
    }

    async fn with_door(door: Door) -> Self {
        Self::start(door, 0, Arc::default()).await
    }

    fn target(&self) -> Target {
        Target {
            host: "web1".to_owned(),
            kind: Kind::Ssh,
            address: "127.0.0.1".to_owned(),
            port: self.port,
            user: "me".to_owned(),
            password: None,
            identity_files: vec![self.folder.path().join("id")],
            usual_keys: None,
            identities_only: false,
            passphrase: None,
            agent: None,
            jumps: Vec::new(),
            known_hosts: vec![self.folder.path().join("known_hosts")],
            host_key_policy: HostKeyPolicy::Strict,
            connect_timeout: Duration::from_secs(20),
            attempts: 1,
            keepalive: Keepalive {
                interval: Duration::from_secs(15),
                count: 3,
            },
        }
    }
}

async fn connect(target: &Target) -> Result<Arc<dyn Connection>, ConnectionError> {
    Connector::default().connect(target).await
}

#[tokio::test]
async fn every_door_opens_with_what_it_takes() {
    for door in [Door::Key, Door::Password, Door::Questions, Door::Both] {
        let server = Server::with_door(door).await;
        let mut target = server.target();
        target.password = Some(Secret::new("open sesame"));
        let host = connect(&target).await.unwrap();
        let output = host.run(Command::new("echo in; exit 3")).await.unwrap();
        assert_eq!((output.status, output.stdout_text().as_str()), (3, "in\n"));
        assert_eq!(
            output.stderr, "",
            "noise at the start belongs to no command"
        );
        host.close().await;
    }
}

#[tokio::test]
async fn a_refused_login_names_what_was_tried() {
    let cases = [
        (Door::Key, Some("x"), "the server takes publickey"),
        (Door::Password, Some("x"), "the password"),
        (
            Door::Questions,
            Some("x"),
            "the password at the server's prompt",
        ),
        (Door::Both, None, "(accepted, but more is wanted)"),
    ];
    for (door, password, expected) in cases {
        let server = Server::with_door(door).await;
        let mut target = server.target();
        target.password = password.map(Secret::new);
        if door == Door::Key {
            target.identity_files.clear();
        }
        let error = connect(&target).await.unwrap_err();
        let ConnectionError::Authentication(words) = &error else {
            panic!("{error:?}");
        };
        assert!(words.starts_with("web1: cannot log in as me"), "{words}");
        assert!(words.contains(expected), "{words}");
    }
}

#[tokio::test]
async fn a_changed_host_key_ends_the_handshake() {
    let server = Server::with_door(Door::Key).await;
    let file = server.folder.path().join("known_hosts");
    let other = USER_KEY.public_key().to_openssh().unwrap();
    std::fs::write(&file, format!("[127.0.0.1]:{} {other}\n", server.port)).unwrap();
    let mut target = server.target();
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        target.host_key_policy = policy;
        let error = connect(&target).await.unwrap_err();
        assert!(matches!(error, ConnectionError::HostKey(_)), "{error:?}");
        assert!(error.to_string().contains("known_hosts:1"), "{error}");
    }
    target.host_key_policy = HostKeyPolicy::Off;
    assert!(connect(&target).await.is_ok());
    std::fs::remove_file(&file).unwrap();
    target.host_key_policy = HostKeyPolicy::AcceptNew;
    assert!(connect(&target).await.is_ok());
    target.host_key_policy = HostKeyPolicy::Strict;
    assert!(connect(&target).await.is_ok());
}

#[tokio::test]
async fn a_reset_before_the_login_is_tried_again() {
    let server = Server::start(Door::Key, 2, Arc::default()).await;
    let host = connect(&server.target()).await.unwrap();
    assert_eq!(
        host.run(Command::new("echo in")).await.unwrap(),
        Output::success("in\n")
    );
}

#[tokio::test]
async fn a_cut_connection_is_lost_and_not_a_failure() {
    let cut = Arc::new(tokio::sync::Notify::new());
    let server = Server::start(Door::Key, 0, cut.clone()).await;
    let host = connect(&server.target()).await.unwrap();
    let mut stream = host.tunnel("127.0.0.1", 80).await.unwrap();
    host.run(Command::new("true")).await.unwrap();
    let waiting = {
        let host = host.clone();
        tokio::spawn(async move { host.run(Command::new("sleep 20")).await })
    };
    tokio::task::yield_now().await;
    cut.notify_waiters();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    assert!(host.is_closed());
    let error = host.run(Command::new("true")).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).await.is_err());
}

#[tokio::test]
async fn tunnels_carry_bytes_or_say_why_not() {
    let server = Server::with_door(Door::Key).await;
    let host = connect(&server.target()).await.unwrap();
    let mut stream = host.tunnel("10.0.0.1", 80).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
    let ends = |port| {
        let host = host.clone();
        async move { host.tunnel("10.0.0.1", port).await.err().unwrap() }
    };
    assert!(matches!(ends(1).await, ConnectionError::TunnelEnd(_)));
    assert!(matches!(
        ends(2).await,
        ConnectionError::ForwardingRefused(_)
    ));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let server = Server::with_door(Door::Key).await;
    let mut target = server.target();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    target.port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = connect(&target).await.unwrap_err();
    assert!(
        matches!(error, ConnectionError::Unreachable(_)),
        "{error:?}"
    );
    assert!(error.to_string().contains("connection refused"), "{error}");
}
