//! Connections: host keys, logins, jump hosts, other users, uploads, tunnels, and what is lost.

use crate::server::{Server, free_port, keygen, wanted};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use windlass::connection::{
    Attributes, Command, Connection, ConnectionError, Connector, HostKeyPolicy, Jump, Output,
    RemotePath, Upload,
};
use windlass::shell::{Become, Method};

async fn run(host: &Arc<dyn Connection>, script: &str) -> Output {
    host.run(Command::new(script)).await.unwrap()
}

#[tokio::test]
async fn commands_run() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let output = run(&host, "echo out; echo err >&2; exit 7").await;
    assert_eq!(
        (output.status, &output.stdout[..], &output.stderr[..]),
        (7, &b"out\n"[..], &b"err\n"[..])
    );
    let pid = run(&host, "echo $$").await;
    assert_eq!(run(&host, "echo $$").await, pid);
    let big = run(&host, "head -c 20000000 /dev/zero").await;
    assert_eq!(big.stdout.len(), 20_000_000);
    let many = (0..40).map(|n| {
        let host = &host;
        async move {
            run(host, &format!("sleep 0.05; echo {n}"))
                .await
                .stdout_text()
        }
    });
    for (n, text) in futures::future::join_all(many).await.iter().enumerate() {
        assert_eq!(text, &format!("{n}\n"));
    }
    let slow = Command {
        timeout: Some(Duration::from_millis(300)),
        ..Command::new("sleep 61")
    };
    assert!(matches!(
        host.run(slow).await,
        Err(ConnectionError::TimedOut(_))
    ));
    assert_eq!(run(&host, "echo on").await.stdout, "on\n");
    host.close().await;
    assert!(matches!(
        host.run(Command::new("true")).await,
        Err(ConnectionError::Lost(_))
    ));
}

#[tokio::test]
async fn a_server_with_few_sessions_is_enough() {
    if !wanted() {
        return;
    }
    let server = Server::start("MaxSessions 2");
    let host = server.connect().await;
    let many = (0..12).map(|n| {
        let host = &host;
        async move {
            run(host, &format!("sleep 0.05; echo {n}"))
                .await
                .stdout_text()
        }
    });
    for (n, text) in futures::future::join_all(many).await.iter().enumerate() {
        assert_eq!(text, &format!("{n}\n"));
    }
}

#[tokio::test]
async fn host_keys_are_checked() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let name = format!("[127.0.0.1]:{}", server.port);
    let (ed25519, ecdsa) = (server.key("host_ed25519.pub"), server.key("host_ecdsa.pub"));
    keygen(&server.at("other"), "ed25519");
    let other = server.key("other.pub");
    let refusals = [
        (String::new(), "is not known"),
        (format!("{name} {other}\n"), "changed"),
        (
            format!("{name} {ed25519}\n@revoked * {ed25519}\n"),
            "revoked",
        ),
    ];
    for (known, expected) in refusals {
        server.know(&known);
        let error = server.refused(&server.target()).await;
        assert!(matches!(error, ConnectionError::HostKey(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    // Only the second type is known: it is asked for, and the host has it.
    server.know(&format!("{name} {ecdsa}\n"));
    server.connect().await;
    // The host has no RSA key, so the known one cannot be confirmed; that is not a new host.
    keygen(&server.at("rsa"), "rsa");
    server.know(&format!("{name} {}\n", server.key("rsa.pub")));
    let mut accepting = server.target();
    accepting.host_key_policy = HostKeyPolicy::AcceptNew;
    let error = server.refused(&accepting).await;
    assert!(error.to_string().contains("changed"), "{error}");
    // Hashed names.
    server.trust("host_ed25519.pub");
    let hashed = Program::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(server.at("known_hosts"))
        .output()
        .unwrap();
    assert!(hashed.status.success());
    assert!(
        fs::read_to_string(server.at("known_hosts"))
            .unwrap()
            .starts_with("|1|")
    );
    server.connect().await;
    // A first contact is written down, once, however many make it at once.
    fs::remove_file(server.at("known_hosts")).unwrap();
    let connector = Connector::default();
    let contacts = (0..6).map(|_| connector.connect(&accepting));
    for result in futures::future::join_all(contacts).await {
        result.unwrap();
    }
    assert_eq!(
        fs::read_to_string(server.at("known_hosts"))
            .unwrap()
            .lines()
            .count(),
        1
    );
    server.connect().await;
}

#[tokio::test]
async fn logins_name_what_was_tried() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    keygen(&server.at("wrong"), "ed25519");
    let mut target = server.target();
    target.identity_files = vec![server.at("wrong"), server.at("missing")];
    let error = server.refused(&target).await;
    assert!(
        matches!(error, ConnectionError::Authentication(_)),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(
        words.contains("wrong") && words.contains("missing (no such file)"),
        "{words}"
    );
    assert!(words.contains("the server takes publickey"), "{words}");
    target.port = free_port();
    assert!(matches!(
        server.refused(&target).await,
        ConnectionError::Unreachable(_)
    ));
}

#[tokio::test]
async fn rsa_and_encrypted_keys_log_in() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    keygen(&server.at("rsa"), "rsa");
    let made = Program::new("ssh-keygen")
        .args(["-q", "-N", "phrase", "-t", "ed25519", "-f"])
        .arg(server.at("locked"))
        .status()
        .unwrap();
    assert!(made.success());
    let keys = format!("{}\n{}\n", server.key("rsa.pub"), server.key("locked.pub"));
    fs::write(server.at("authorized_keys"), keys).unwrap();
    let mut target = server.target();
    target.identity_files = vec![server.at("rsa")];
    Connector::default().connect(&target).await.unwrap();
    target.identity_files = vec![server.at("locked")];
    let error = server.refused(&target).await.to_string();
    assert!(error.contains("encrypted"), "{error}");
    target.passphrase = Some(windlass::connection::Secret::new("phrase"));
    Connector::default().connect(&target).await.unwrap();
}

#[tokio::test]
async fn the_agent_logs_in() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let socket = server.at("agent");
    let mut agent = Program::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let added = Program::new("ssh-add")
        .args(["-q"])
        .arg(server.at("id"))
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    let mut target = server.target();
    target.identity_files = Vec::new();
    target.agent = Some(socket);
    let result = Connector::default().connect(&target).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(added.unwrap().success());
    result.unwrap();
}

#[tokio::test]
async fn hosts_behind_a_jump_host_share_it() {
    if !wanted() {
        return;
    }
    let (bastion, server) = (Server::start(""), Server::start(""));
    let known = format!(
        "{}{}",
        fs::read_to_string(bastion.at("known_hosts")).unwrap(),
        fs::read_to_string(server.at("known_hosts")).unwrap()
    );
    server.know(&known);
    let mut target = server.target();
    target.identity_files = vec![bastion.at("id"), server.at("id")];
    target.jumps = vec![Jump {
        address: "127.0.0.1".to_owned(),
        port: bastion.port,
        user: "root".to_owned(),
    }];
    let connector = Connector::default();
    let hosts = futures::future::join_all((0..12).map(|_| connector.connect(&target))).await;
    let hosts: Vec<_> = hosts.into_iter().map(Result::unwrap).collect();
    for host in &hosts {
        assert_eq!(run(host, "echo in").await.stdout, "in\n");
    }
    // One process of the jump host's server per connection to it.
    let pid = bastion.daemon.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    assert_eq!(children.split_whitespace().count(), 1, "{children}");
    let mut wrong = target.clone();
    wrong.jumps[0].port = free_port();
    let error = server.refused(&wrong).await;
    assert!(error.to_string().contains("jump host"), "{error}");
    wrong.jumps = target.jumps.clone();
    wrong.port = free_port();
    let error = connector.connect(&wrong).await.unwrap_err();
    assert!(
        matches!(error, ConnectionError::Unreachable(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn other_users_are_become() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    for (method, program) in [(Method::Su, "su"), (Method::Sudo, "sudo")] {
        let become_as = |user: &str, password: Option<&str>| Command {
            become_user: Some(Become {
                user: user.to_owned(),
                method,
                executable: None,
                flags: None,
                password: password.map(ToOwned::to_owned),
            }),
            ..Command::new("id -un; id -un >&2")
        };
        if run(&host, &format!("command -v {program}")).await.status != 0 {
            let error = host.run(become_as("nobody", None)).await.unwrap_err();
            assert!(error.to_string().contains("is not there"), "{error}");
            println!("skipped: {program} is not installed");
            continue;
        }
        // Root is not asked; a password that is given all the same reaches nobody.
        for password in [None, Some("echo leaked")] {
            let output = host.run(become_as("nobody", password)).await.unwrap();
            assert_eq!(
                (&output.stdout[..], &output.stderr[..]),
                (&b"nobody\n"[..], &b"nobody\n"[..])
            );
        }
        let error = host.run(become_as("no-such-user", None)).await.unwrap_err();
        assert!(matches!(error, ConnectionError::Become(_)), "{error:?}");
        assert!(error.to_string().contains("no-such-user"), "{error}");
    }
    assert_eq!(run(&host, "id -un").await.stdout, "root\n");
}

fn upload(content: Bytes, path: &Path) -> Upload {
    Upload {
        sha256: Sha256::digest(&content)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect(),
        content,
        path: RemotePath::new(path.display().to_string()),
        attributes: Attributes {
            mode: Some("0755".to_owned()),
            ..Attributes::default()
        },
        become_user: None,
    }
}

#[tokio::test]
async fn a_big_upload_arrives_and_survives_new_keys() {
    if !wanted() {
        return;
    }
    let server = Server::start("RekeyLimit 16M");
    let host = server.connect().await;
    let content: Bytes = (0_u32..30_000_000)
        .flat_map(u32::to_le_bytes)
        .collect::<Vec<u8>>()
        .into();
    let path = server.at("big");
    host.upload(upload(content.clone(), &path)).await.unwrap();
    assert!(fs::read(&path).unwrap() == content);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let back = run(&host, &format!("cat {}", path.display())).await;
    assert!(back.stdout == content);
    let mut wrong = upload(content, &path);
    wrong.sha256 = "0".repeat(64);
    let error = host.upload(wrong).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Upload(_)), "{error:?}");
    let left = fs::read_dir(server.folder.path()).unwrap();
    let staged = |name: &str| name.contains("windlass-tmp");
    assert!(
        !left
            .flatten()
            .any(|entry| staged(&entry.file_name().to_string_lossy()))
    );
}

#[tokio::test]
async fn a_connection_that_is_cut_is_lost() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    // The session's own sshd is the parent of its shell.
    let pid = run(&host, "echo $PPID").await.stdout_text();
    let waiting = {
        let host = host.clone();
        tokio::spawn(async move { host.run(Command::new("sleep 61")).await })
    };
    run(&host, "true").await;
    let killed = Program::new("kill")
        .args(["-9", pid.trim()])
        .status()
        .unwrap();
    assert!(killed.success());
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    assert!(host.is_closed());
    let error = host.run(Command::new("true")).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    assert!(matches!(
        host.tunnel("127.0.0.1", 1).await,
        Err(ConnectionError::Lost(_))
    ));
}

#[tokio::test]
async fn tunnels_open_or_say_why_not() {
    if !wanted() {
        return;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut read, mut write) = stream.split();
            drop(tokio::io::copy(&mut read, &mut write).await);
        }
    });
    let server = Server::start("");
    let host = server.connect().await;
    let mut stream = host.tunnel("127.0.0.1", port).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
    let error = host.tunnel("127.0.0.1", free_port()).await.err().unwrap();
    assert!(matches!(error, ConnectionError::TunnelEnd(_)), "{error:?}");
    // The end of the connection is no end of the stream.
    host.close().await;
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).await.is_err());

    let closed = Server::start("AllowTcpForwarding no");
    let host = closed.connect().await;
    let error = host.tunnel("127.0.0.1", port).await.err().unwrap();
    assert!(
        matches!(error, ConnectionError::ForwardingRefused(_)),
        "{error:?}"
    );
    assert_eq!(run(&host, "echo on").await.stdout, "on\n");
}
