//! What a run starts on a real host: ended when the user stops the run at once, left alone when only the network fails.

use crate::server::{Server, wanted};
use assert_cmd::cargo::CommandCargoExt as _;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::time::Duration;
use windlass::connection::{Command, ConnectionError};

fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z")
}

fn assert_gone(pid: &str) {
    for _ in 0..250 {
        if is_gone(pid) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("process {pid} goes on");
}

fn wait_for(path: &Path) -> String {
    for _ in 0..1000 {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} does not come", path.display());
}

/// Notes its own number and that of a child in a file, then sleeps.
fn sleeping(path: &Path) -> String {
    format!(
        "echo $$ >{0}.part; sleep 1000 & echo $! >>{0}.part; mv {0}.part {0}; wait",
        path.display()
    )
}

#[test]
fn a_run_that_is_told_twice_leaves_no_process_on_the_host() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let pids = server.at("pids");
    let hosts = format!(
        "n1 ansible_host=127.0.0.1 ansible_port={} ansible_user=root ansible_private_key_file={} \
         ansible_ssh_common_args='-o UserKnownHostsFile={}'\n",
        server.port,
        server.at("id").display(),
        server.at("known_hosts").display()
    );
    fs::write(server.at("hosts.ini"), hosts).unwrap();
    let has_sudo = Program::new("sudo")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    let play = format!(
        "- hosts: all\n  gather_facts: false\n  become: {has_sudo}\n  tasks:\n    - shell: {}\n",
        sleeping(&pids)
    );
    fs::write(server.at("play.yml"), play).unwrap();
    let mut run = Program::cargo_bin("windlass")
        .unwrap()
        .args(["run", "play.yml", "-i", "hosts.ini", "--json"])
        .current_dir(server.at("."))
        .env("WINDLASS_STATE_DIR", server.at("state"))
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let process = Pid::from_child(&run);
    let numbers = wait_for(&pids);
    assert_eq!(numbers.lines().count(), 2);
    kill_process(process, Signal::INT).unwrap();
    let lines = BufReader::new(run.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains("\"now\":false") {
            kill_process(process, Signal::INT).unwrap();
        }
    }
    assert_eq!(run.wait().unwrap().code(), Some(130));
    for pid in numbers.lines() {
        assert_gone(pid);
    }
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_is_ended_and_others_go_on() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let path = server.at("pids");
    let (dropped, kept) = (sleeping(&path), "sleep 1; echo kept");
    let kept = {
        let host = host.clone();
        tokio::spawn(async move { host.run(Command::new(kept)).await })
    };
    let dropped = {
        let host = host.clone();
        tokio::spawn(async move { host.run(Command::new(dropped)).await })
    };
    let numbers = tokio::task::spawn_blocking(move || wait_for(&path))
        .await
        .unwrap();
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    let gone = tokio::task::spawn_blocking(move || numbers.lines().for_each(assert_gone));
    gone.await.unwrap();
    assert_eq!(kept.await.unwrap().unwrap().stdout, "kept\n");
    host.close().await;
}

/// A restart that is under way is not broken off by a network that fails.
#[tokio::test]
async fn a_lost_connection_ends_nothing_on_the_host() {
    if !wanted() {
        return;
    }
    let server = Server::start("");
    let host = server.connect().await;
    let (begun, done) = (server.at("begun"), server.at("done"));
    // The session's own sshd is the parent of its shell.
    let script = format!(
        "echo $PPID >{0}.part; mv {0}.part {0}; sleep 1; touch {1}",
        begun.display(),
        done.display()
    );
    let waiting = {
        let host = host.clone();
        tokio::spawn(async move { host.run(Command::new(script)).await })
    };
    let pid = tokio::task::spawn_blocking(move || wait_for(&begun))
        .await
        .unwrap();
    let killed = Program::new("kill")
        .args(["-9", pid.trim()])
        .status()
        .unwrap();
    assert!(killed.success());
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    host.close().await;
    let seen = tokio::task::spawn_blocking(move || wait_for(&done)).await;
    seen.unwrap();
}
