//! The whole program over a real sshd and the real sudo: a play with a rollback.

use crate::server::{Server, wanted};
use assert_cmd::cargo::CommandCargoExt as _;
use std::fs;
use std::process::{Command, Output, Stdio};

const PLAY: &str = r#"
- name: Write, then fail on one host
  hosts: all
  serial: [1, 2]
  become: true
  rollback: {on: failure}
  tasks:
    - name: Know the host
      assert: {that: ["ansible_user_id == 'root'", "ansible_kernel | length > 0"]}
    - name: Make a folder
      file: {path: "{{ place }}/it's new", state: directory, mode: "0750"}
    - name: Replace a file
      copy: {content: "new\n", dest: "{{ place }}/file", mode: "0600"}
    - name: Read it
      command: cat "{{ place }}/file"
      register: read
      changed_when: false
      failed_when: read.stdout != 'new'
    - name: Reach a port
      wait_for: {port: "{{ ansible_port }}", timeout: 10}
    - name: Fail on the third host
      fail: {msg: on purpose}
      when: inventory_hostname == 'n3'
"#;

fn play(server: &Server) -> Output {
    let mut hosts = String::new();
    for host in ["n1", "n2", "n3"] {
        let place = server.at(host);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("file"), "old\n").unwrap();
        hosts += &[
            host,
            " place=",
            &place.display().to_string(),
            " windlass_state_dir=",
            &place.join("windlass").display().to_string(),
            "\n",
        ]
        .concat();
    }
    let variables = format!(
        "[all:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_user=root\n\
         ansible_private_key_file={}\nansible_ssh_common_args='-o UserKnownHostsFile={}'\n",
        server.port,
        server.at("id").display(),
        server.at("known_hosts").display()
    );
    fs::write(server.at("hosts.ini"), hosts + &variables).unwrap();
    fs::write(server.at("play.yml"), PLAY).unwrap();
    Command::cargo_bin("windlass")
        .unwrap()
        .args(["run", "play.yml", "-i", "hosts.ini"])
        .current_dir(server.at("."))
        .env("WINDLASS_STATE_DIR", server.at("state"))
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_play_runs_and_the_host_that_fails_goes_back() {
    if !wanted() {
        return;
    }
    if Command::new("sudo")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("skipped: sudo is not installed");
        return;
    }
    let server = Server::start("");
    let output = play(&server);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for (host, content) in [("n1", "new\n"), ("n2", "new\n"), ("n3", "old\n")] {
        let found = fs::read_to_string(server.at(host).join("file")).unwrap();
        assert_eq!(found, content, "{host}: {said}");
        let folder = server.at(host).join("it's new");
        assert_eq!(folder.exists(), host != "n3", "{host}: {said}");
    }
    assert!(said.contains("rolled back"), "{said}");
}
