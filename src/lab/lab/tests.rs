//! A whole lab, reached as a client reaches it.

use super::*;
use crate::lab::{Role, reset};
use russh::client::{self, Handle, Handler};
use russh::keys::{PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect};
use std::time::Duration;

/// Takes only the host key that `known_hosts` has for the port.
struct Client {
    expected: PublicKey,
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(
            matches!(key, PublicKeyOrCertificate::PublicKey { key, .. } if key.key_data() == self.expected.key_data()),
        )
    }
}

/// What a command left: exit status if there was one, output, errors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    status: Option<u32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn config(folder: &Path) -> LabConfig {
    let host = |name: &str, role, version: Option<&str>| LabHostConfig {
        name: name.to_owned(),
        role,
        version: version.map(str::to_owned),
    };
    LabConfig {
        folder: folder.join("lab"),
        hosts: vec![
            host("cp1", Role::KubeControlPlane, Some("v1.34.3")),
            host("node1", Role::KubeNode, Some("v1.34.3")),
            host("bastion", Role::Plain, None),
        ],
    }
}

async fn connect(lab: &Lab, host: &str) -> Result<Handle<Client>, russh::Error> {
    let variables = lab.variables(host).unwrap();
    let port = u16::try_from(variables["ansible_port"].as_u64().unwrap()).unwrap();
    let known = std::fs::read_to_string(lab.folder().join("known_hosts")).unwrap();
    let prefix = format!("[127.0.0.1]:{port} ");
    let line = known.lines().find_map(|line| line.strip_prefix(&prefix));
    let client = Client {
        expected: PublicKey::from_openssh(line.unwrap()).unwrap(),
    };
    let address = (variables["ansible_host"].as_str().unwrap(), port);
    let settings = Arc::new(client::Config {
        nodelay: true,
        ..client::Config::default()
    });
    let mut handle = client::connect(settings, address, client).await?;
    let key = std::fs::read(variables["ansible_private_key_file"].as_str().unwrap()).unwrap();
    let key = PrivateKeyWithHashAlg::new(Arc::new(PrivateKey::from_openssh(key).unwrap()), None);
    let user = variables["ansible_user"].as_str().unwrap();
    assert!(handle.authenticate_publickey(user, key).await?.success());
    Ok(handle)
}

async fn run(handle: &Handle<Client>, command: &str, input: &[u8]) -> Left {
    let channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, command).await.unwrap();
    let (mut messages, output) = channel.split();
    let mut left = Left::default();
    let send = async {
        if !input.is_empty() {
            output.data(input).await.ok();
        }
        output.eof().await.ok();
        // What was sent is no end; what comes back is.
        std::future::pending::<()>().await;
    };
    let receive = async {
        while let Some(message) = messages.wait().await {
            match message {
                ChannelMsg::Data { data } => left.stdout.extend_from_slice(&data),
                ChannelMsg::ExtendedData { data, .. } => left.stderr.extend_from_slice(&data),
                ChannelMsg::ExitStatus { exit_status } => left.status = Some(exit_status),
                _ => {}
            }
        }
    };
    tokio::select! {
        () = send => {}
        () = receive => {}
    }
    left
}

fn said(text: &str) -> Left {
    Left {
        status: Some(0),
        stdout: text.as_bytes().to_vec(),
        stderr: Vec::new(),
    }
}

/// Waits for something that another task brings about.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn commands_run_in_the_folder_of_their_host() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let handle = connect(&lab, "node1").await.unwrap();
    let root = lab.variables("node1").unwrap()["lab_root"]
        .as_str()
        .unwrap()
        .to_owned();
    let left = run(
        &handle,
        "pwd; echo \"$HOME $USER $LAB_ROOT $LANG\"; command -v systemctl",
        b"",
    )
    .await;
    let standins = lab.folder().join("stand-ins/systemctl");
    let expected = format!(
        "{root}/home/lab\n{root}/home/lab lab {root} C\n{}\n",
        standins.display()
    );
    assert_eq!(left, said(&expected));
    let left = run(&handle, "echo out; echo err >&2; exit 7", b"").await;
    assert_eq!(left.status, Some(7));
    assert_eq!(
        (&*left.stdout, &*left.stderr),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert_eq!(
        run(&handle, "kubelet --version", b"").await,
        said("Kubernetes v1.34.3\n")
    );
    assert_eq!(
        run(&handle, "sudo -n -u root systemctl is-active kubelet", b"").await,
        said("active\n")
    );
}

#[tokio::test]
async fn much_input_and_output_streams_through() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let handle = connect(&lab, "bastion").await.unwrap();
    let content: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(
        run(&handle, "cat > big; wc -c < big", &content).await,
        said("5000000\n")
    );
    let left = run(&handle, "cat big", b"").await;
    assert!(left.status == Some(0) && left.stdout == content);
    // A command that does not read its input does not stop the connection.
    assert_eq!(run(&handle, "true", &content).await, said(""));
    assert_eq!(run(&handle, "echo after", b"").await, said("after\n"));
}

#[tokio::test]
async fn a_command_ends_with_its_channel_or_connection() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let handle = connect(&lab, "bastion").await.unwrap();
    let watcher = connect(&lab, "bastion").await.unwrap();
    let gone = async |file: &str| {
        let command = format!("kill -0 -$(cat {file})");
        until("the processes end", async || {
            run(&watcher, &command, b"").await.status != Some(0)
        })
        .await;
    };
    for (file, whole) in [("one", false), ("two", true)] {
        let mut channel = handle.channel_open_session().await.unwrap();
        let command = format!("echo $$ > {file}; echo started; sleep 1000; true");
        channel.exec(true, command).await.unwrap();
        while !matches!(channel.wait().await, Some(ChannelMsg::Data { .. })) {}
        if whole {
            let bye = Disconnect::ByApplication;
            handle.disconnect(bye, "", "").await.unwrap();
        } else {
            channel.close().await.unwrap();
        }
        gone(file).await;
    }
}

#[tokio::test]
async fn signals_and_refusals_are_told() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let handle = connect(&lab, "bastion").await.unwrap();
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.set_env(true, "LANG", "de").await.unwrap();
    channel
        .request_pty(true, "xterm", 80, 24, 0, 0, &[])
        .await
        .unwrap();
    channel.exec(true, "echo $LANG; kill -9 $$").await.unwrap();
    let (mut answers, mut signal) = (Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Failure => answers.push("no"),
            ChannelMsg::Success => answers.push("yes"),
            ChannelMsg::ExitSignal { signal_name, .. } => signal = Some(signal_name),
            _ => {}
        }
    }
    assert_eq!(answers, ["no", "no", "yes"]);
    assert!(matches!(signal, Some(russh::Sig::KILL)));
}

#[tokio::test]
async fn tunnels_lead_only_to_api_servers_of_the_lab() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap();
    let handle = connect(&lab, "cp1").await.unwrap();
    let open =
        || handle.channel_open_direct_tcpip("127.0.0.1", endpoint.port().into(), "127.0.0.1", 0);
    assert!(open().await.is_err());
    lab.attach(&[ApiServer {
        host: "cp1".to_owned(),
        endpoint,
        kubeconfig: "kind: Config\n".to_owned(),
        health: Vec::new(),
    }])
    .unwrap();
    let mut stream = open().await.unwrap().into_stream();
    let (mut far, _) = listener.accept().await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut four = [0; 4];
    far.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"ping");
    far.write_all(b"pong").await.unwrap();
    stream.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"pong");
    drop(far);
    assert_eq!(stream.read(&mut four).await.unwrap(), 0);
    let left = run(&handle, "cat $LAB_ROOT/etc/kubernetes/admin.conf", b"").await;
    assert_eq!(left, said("kind: Config\n"));
}

#[tokio::test]
async fn state_and_keys_are_kept_between_runs() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let busy = Lab::start(config(place.path())).await;
    assert!(matches!(busy, Err(LabError::Busy(_))));
    let handle = connect(&lab, "cp1").await.unwrap();
    let newer = standin::binary(standin::BinaryKind::Kubelet, "v1.35.1");
    let swap = "cat > new && chmod 755 new && mv new $LAB_ROOT/usr/local/bin/kubelet && systemctl restart kubelet";
    assert_eq!(run(&handle, swap, newer.as_bytes()).await, said(""));
    assert_eq!(lab.observer().observe("cp1").kubelet_version, "v1.35.1");
    let key = |lab: &Lab| {
        let known = std::fs::read_to_string(lab.folder().join("known_hosts")).unwrap();
        known
            .lines()
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    let (keys, status) = (key(&lab), lab.status());
    drop(lab);
    let lab = Lab::start(config(place.path())).await.unwrap();
    assert_eq!((key(&lab), lab.status()), (keys, status.clone()));
    let kubelet = &status[0].units[1];
    assert_eq!((&*kubelet.active, &*kubelet.version), ("active", "v1.35.1"));
    let of = |name: &str| {
        let found = status[0].binaries.iter().find(|it| it.name == name);
        found.and_then(|binary| binary.version.as_deref())
    };
    assert_eq!(of("kube-apiserver"), Some("v1.34.3"));
    assert_eq!(of("kubelet"), Some("v1.35.1"));
    let folder = lab.folder().to_owned();
    assert!(matches!(reset(&folder), Err(LabError::Busy(_))));
    drop(lab);
    reset(&folder).unwrap();
    assert_eq!(status::status(&folder).unwrap(), []);
    let lab = Lab::start(config(place.path())).await.unwrap();
    assert_eq!(lab.observer().observe("cp1").kubelet_version, "v1.34.3");
}

#[tokio::test]
async fn a_lost_connection_leaves_a_completed_restart() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    lab.set_fault("node1", Fault::DropConnection).unwrap();
    let handle = connect(&lab, "node1").await.unwrap();
    let left = run(
        &handle,
        "systemctl restart kubelet; echo done; echo done > after",
        b"",
    )
    .await;
    assert_eq!(left, Left::default());
    until("the connection is lost", async || handle.is_closed()).await;
    let after = lab.folder().join("hosts/node1/home/lab/after");
    until("the command completes", async || after.exists()).await;
    assert_eq!(lab.faults("node1").unwrap(), []);
    let handle = connect(&lab, "node1").await.unwrap();
    assert_eq!(
        run(&handle, "systemctl show -P MainPID kubelet", b"").await,
        said("2001\n")
    );
    assert_eq!(
        run(&handle, "systemctl restart kubelet", b"").await,
        said("")
    );
}

#[tokio::test]
async fn an_unreachable_host_comes_back_under_its_port() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    let mut changes = lab.fault_changes();
    let handle = connect(&lab, "node1").await.unwrap();
    // As another process does it.
    crate::lab::set_fault(lab.folder(), "node1", Fault::Unreachable).unwrap();
    assert_eq!(changes.recv().await.unwrap(), "node1");
    until("the connection is lost", async || handle.is_closed()).await;
    until("the port is closed", async || {
        connect(&lab, "node1").await.is_err()
    })
    .await;
    connect(&lab, "cp1").await.unwrap();
    lab.clear_fault("node1", Fault::Unreachable).unwrap();
    until("the port is open", async || {
        connect(&lab, "node1").await.is_ok()
    })
    .await;

    lab.set_fault("node1", Fault::Unreachable).unwrap();
    drop(lab);
    let lab = Lab::start(config(place.path())).await.unwrap();
    assert!(connect(&lab, "node1").await.is_err());
}

#[tokio::test]
async fn a_new_version_crashes_and_the_old_one_does_not() {
    let place = tempfile::tempdir().unwrap();
    let lab = Lab::start(config(place.path())).await.unwrap();
    lab.set_fault("node1", Fault::CrashOnStart).unwrap();
    let handle = connect(&lab, "node1").await.unwrap();
    let swap = |version: &str| {
        let text = standin::binary(standin::BinaryKind::Kubelet, version);
        std::fs::write(lab.folder().join("hosts/node1/usr/local/bin/kubelet"), text).unwrap();
    };
    swap("v1.35.1");
    run(&handle, "systemctl restart kubelet", b"").await;
    assert!(!lab.observer().observe("node1").kubelet_running);
    swap("v1.34.3");
    assert_eq!(
        run(&handle, "systemctl restart kubelet", b"").await,
        said("")
    );
    let seen = lab.observer().observe("node1");
    assert!(seen.kubelet_running && seen.kubelet_version == "v1.34.3");
}

#[tokio::test]
async fn many_hosts_start_at_once() {
    let place = tempfile::tempdir().unwrap();
    let hosts = (0..200).map(|number| LabHostConfig {
        name: format!("node{number}"),
        role: Role::KubeNode,
        version: Some("v1.34.3".to_owned()),
    });
    let lab = Lab::start(LabConfig {
        folder: place.path().join("lab"),
        hosts: hosts.collect(),
    })
    .await
    .unwrap();
    let handle = connect(&lab, "node199").await.unwrap();
    assert_eq!(
        run(&handle, "echo ${LAB_ROOT##*/}", b"").await,
        said("node199\n")
    );
    assert_eq!(lab.status().len(), 200);
}

#[tokio::test]
async fn wrong_configurations_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut twice = config(place.path());
    let again = twice.hosts[0].clone();
    twice.hosts.push(again);
    assert!(matches!(Lab::start(twice).await, Err(LabError::DuplicateHost(name)) if name == "cp1"));
    let lab = Lab::start(config(place.path())).await.unwrap();
    assert!(matches!(
        lab.variables("cp9"),
        Err(LabError::UnknownHost(_))
    ));
    assert!(matches!(
        lab.set_fault("cp9", Fault::NeverReady),
        Err(LabError::UnknownHost(_))
    ));
}
