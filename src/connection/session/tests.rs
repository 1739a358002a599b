//! Commands, uploads and becoming another user, in real shells: `/bin/sh` (dash on Debian) and busybox.

use crate::connection::{
    Attributes, Command, Connection, ConnectionError, Local, Output, RemotePath, Upload,
};
use crate::shell::{Become, Method};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;

fn shells() -> Vec<Local> {
    vec![Local::new(), Local::with_shell(&["busybox", "sh"])]
}

async fn run(host: &Local, script: &str) -> Output {
    host.run(Command::new(script)).await.unwrap()
}

#[tokio::test]
async fn output_and_status_come_back() {
    let cases: &[(&str, i32, &[u8], &[u8])] = &[
        ("true", 0, b"", b""),
        ("false", 1, b"", b""),
        ("exit 42", 42, b"", b""),
        ("echo out; echo err >&2", 0, b"out\n", b"err\n"),
        ("printf out; printf err >&2; exit 3", 3, b"out", b"err"),
        (r"printf 'a\0b\377\n\n'", 0, b"a\0b\xff\n\n", b""),
        ("cat", 0, b"", b""),
        (
            "cat <<'END'\nit's \"here\" $HOME\nEND",
            0,
            b"it's \"here\" $HOME\n",
            b"",
        ),
        ("kill -9 $(sh -c 'echo $PPID')", 137, b"", b""),
        ("sh -c 'kill -TERM $$'", 143, b"", b""),
        ("set -e; false; echo no", 1, b"", b""),
        ("exec echo replaced", 0, b"replaced\n", b""),
        ("trap 'echo bye' EXIT; echo hi", 0, b"hi\nbye\n", b""),
        (
            "echo 'é\u{81}\u{201c}\u{7f}' # comment",
            0,
            "é\u{81}\u{201c}\u{7f}\n".as_bytes(),
            b"",
        ),
    ];
    for host in shells() {
        for (script, status, stdout, stderr) in cases {
            let output = run(&host, script).await;
            assert_eq!(output.status, *status, "{script}: {output:?}");
            assert_eq!(output.stdout, *stdout, "{script}");
            // busybox and dash may report a killed process.
            if *status < 128 {
                assert_eq!(output.stderr, *stderr, "{script}");
            }
        }
    }
}

#[tokio::test]
async fn scripts_leave_nothing_in_the_shell() {
    for host in shells() {
        let first = run(
            &host,
            "echo $PPID; cd /; umask 777; LEFT=x; export LEFT; set -e",
        )
        .await;
        let second = run(&host, "pwd; umask; echo \"[$LEFT]\"; false; echo on").await;
        assert_eq!(first.status, 0);
        let text = second.stdout_text();
        assert!(!text.starts_with("/\n"), "{text}");
        assert!(
            text.contains("[]\non\n") && !text.contains("0777"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn bad_syntax_ends_the_command_and_not_the_shell() {
    for host in shells() {
        let pid = run(&host, "echo $$").await.stdout;
        for script in ["if true; then", "echo 'open", ") (", "}"] {
            let output = run(&host, script).await;
            assert_ne!(output.status, 0, "{script}");
            assert!(!output.stderr.is_empty(), "{script}");
        }
        assert_eq!(run(&host, "echo $$").await.stdout, pid);
    }
}

#[tokio::test]
async fn big_output_streams() {
    for host in shells() {
        let script = "i=0; while [ $i -lt 2000 ]; do echo \"$i 0123456789012345678901234567890123456789\" >&2; i=$((i+1)); done; \
                      head -c 5000000 /dev/zero";
        let output = run(&host, script).await;
        assert_eq!(output.status, 0);
        assert_eq!(output.stdout.len(), 5_000_000);
        assert_eq!(output.stderr_text().lines().count(), 2000);
    }
}

#[tokio::test]
async fn input_of_any_size_and_kind_arrives() {
    let all: Vec<u8> = (0..=255).collect();
    let big: Vec<u8> = all.iter().copied().cycle().take(300_000).collect();
    for host in shells() {
        for data in [
            Vec::new(),
            b"line\n".to_vec(),
            all.clone(),
            big[..65_000].to_vec(),
            big.clone(),
        ] {
            let command = Command {
                stdin: Some(Bytes::from(data.clone())),
                ..Command::new("cat; echo end >&2; exit 5")
            };
            let output = host.run(command).await.unwrap();
            assert_eq!(output.status, 5);
            assert_eq!(output.stdout.len(), data.len());
            assert!(output.stdout == data, "{} bytes differ", data.len());
            assert_eq!(output.stderr, "end\n");
        }
        // Input that nobody reads is no trouble.
        let command = Command {
            stdin: Some(Bytes::from(big.clone())),
            ..Command::new("echo done")
        };
        assert_eq!(host.run(command).await.unwrap(), Output::success("done\n"));
    }
}

#[tokio::test]
async fn commands_run_side_by_side() {
    for host in shells() {
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        // The first waits for the second, so they cannot share a shell.
        let waiting = format!(
            "until [ -e {0} ]; do sleep 0.05; done; echo first",
            gate.display()
        );
        let opening = format!("touch {}; echo second", gate.display());
        let (first, second) = tokio::join!(run(&host, &waiting), run(&host, &opening));
        assert_eq!(first.stdout, "first\n");
        assert_eq!(second.stdout, "second\n");
        let many = (0..30).map(|n| {
            let host = &host;
            async move { run(host, &format!("echo {n}")).await.stdout_text() }
        });
        for (n, text) in futures::future::join_all(many).await.iter().enumerate() {
            assert_eq!(text, &format!("{n}\n"));
        }
    }
}

#[tokio::test]
async fn what_a_daemon_prints_later_belongs_to_no_command() {
    for host in shells() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("printed");
        let script = format!(
            "(until [ -e {0}.go ]; do sleep 0.02; done; echo stray; touch {0}) &",
            mark.display()
        );
        assert_eq!(run(&host, &script).await, Output::success(""));
        std::fs::write(mark.with_extension("go"), "").unwrap();
        while !mark.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(run(&host, "echo mine").await, Output::success("mine\n"));
    }
}

#[tokio::test]
async fn a_command_that_runs_too_long_is_ended_with_all_its_children() {
    for host in shells() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(
            "trap '' TERM; sh -c 'echo $$ >>{0}; exec sleep 60' & (echo a; sleep 60; true) & echo $! >>{0}; wait; sleep 60",
            pids.display()
        );
        let command = Command {
            timeout: Some(Duration::from_millis(500)),
            ..Command::new(script)
        };
        let error = host.run(command).await.unwrap_err();
        assert!(matches!(error, ConnectionError::TimedOut(_)), "{error:?}");
        let text = std::fs::read_to_string(&pids).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        for pid in text.lines() {
            // The system may still be busy with what was killed.
            let mut stat = String::new();
            for _ in 0..200 {
                stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                if stat.is_empty() || stat.contains(") Z") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(
                stat.is_empty() || stat.contains(") Z"),
                "still there: {stat}"
            );
        }
        assert_eq!(run(&host, "echo on").await.stdout, "on\n");
    }
}

#[tokio::test]
async fn a_shell_that_dies_is_a_lost_command_and_then_replaced() {
    for host in shells() {
        let error = host
            .run(Command::new("kill -9 $$; sleep 5"))
            .await
            .unwrap_err();
        assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
        assert_eq!(run(&host, "echo on").await.stdout, "on\n");
        assert!(!host.is_closed());
        host.close().await;
        assert!(host.is_closed());
        let error = host.run(Command::new("true")).await.unwrap_err();
        assert!(matches!(error, ConnectionError::Lost(_)), "{error:?}");
    }
}

fn upload(content: impl Into<Bytes>, path: &Path, attributes: Attributes) -> Upload {
    let content = content.into();
    let sha256 = Sha256::digest(&content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Upload {
        content,
        sha256,
        path: RemotePath::new(path.display().to_string()),
        attributes,
        become_user: None,
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn with_mode(mode: &str) -> Attributes {
    Attributes {
        mode: Some(mode.to_owned()),
        ..Attributes::default()
    }
}

#[tokio::test]
async fn uploads_arrive_whole() {
    for host in shells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's a file");
        for size in [0, 10, 200_000] {
            let data: Vec<u8> = (0..=255).cycle().take(size).collect();
            host.upload(upload(data.clone(), &path, with_mode("0751")))
                .await
                .unwrap();
            assert!(std::fs::read(&path).unwrap() == data, "{size}");
            assert_eq!(mode(&path), 0o751);
        }
        // Without a mode, an old file keeps its own.
        host.upload(upload("x", &path, Attributes::default()))
            .await
            .unwrap();
        assert_eq!(mode(&path), 0o751);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let new = folder.path().join("new");
        let umask = run(&host, "umask").await.stdout_text();
        let umask = u32::from_str_radix(umask.trim(), 8).unwrap();
        host.upload(upload("x", &new, Attributes::default()))
            .await
            .unwrap();
        assert_eq!(mode(&new), 0o666 & !umask);
        host.upload(upload("x", &new, with_mode("u=rw,g=,o=")))
            .await
            .unwrap();
        assert_eq!(mode(&new), 0o600);
    }
}

#[tokio::test]
async fn a_failed_upload_leaves_the_old_file() {
    for host in shells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let mut wrong = upload("new", &path, Attributes::default());
        wrong.sha256 = "00".to_owned();
        let owner = Attributes {
            owner: Some("no-such-user".to_owned()),
            ..Attributes::default()
        };
        let cases = [
            (wrong, "checksum"),
            (upload("new", &path, with_mode("bad")), "mode"),
            (upload("new", &path, owner), "no-such-user"),
            (
                upload("new", folder.path(), Attributes::default()),
                "folder",
            ),
            (
                upload(
                    "new",
                    &folder.path().join("none/file"),
                    Attributes::default(),
                ),
                "none/",
            ),
        ];
        for (upload, expected) in cases {
            let error = host.upload(upload).await.unwrap_err();
            let ConnectionError::Upload(words) = &error else {
                panic!("{error:?}");
            };
            assert!(words.contains(expected), "{words}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// A program that behaves as sudo does towards its caller.
fn fake_sudo(folder: &Path, body: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("sudo");
    let parse = r#"#!/bin/sh
ask=; while [ $# -gt 0 ]; do case $1 in
-S) ask=1;; -p) prompt=$2; shift;; -u) shift;; -H|-n) ;; *) break;; esac; shift; done
"#;
    std::fs::write(&path, format!("{parse}{body}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

const ASKING: &str = r#"
for turn in 1 2 3; do
  printf '%s' "$prompt" >&2; IFS= read -r given || exit 1
  if [ "$given" = "open sesame" ]; then BECOME=yes; export BECOME; exec "$@"; fi
  echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2; exit 1
"#;

fn become_by(executable: String, password: Option<&str>) -> Become {
    Become {
        user: "root".to_owned(),
        method: Method::Sudo,
        executable: Some(executable),
        flags: None,
        password: password.map(ToOwned::to_owned),
    }
}

async fn run_as(host: &Local, user: Become, script: &str) -> Result<Output, ConnectionError> {
    host.run(Command {
        become_user: Some(user),
        ..Command::new(script)
    })
    .await
}

#[tokio::test]
async fn the_password_is_given_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let sudo = fake_sudo(folder.path(), ASKING);
    for host in shells() {
        let user = become_by(sudo.clone(), Some("open sesame"));
        for _ in 0..2 {
            let output = run_as(&host, user.clone(), "echo \"$BECOME\"")
                .await
                .unwrap();
            assert_eq!(output, Output::success("yes\n"));
        }
        let big = Command {
            stdin: Some(Bytes::from(vec![b'x'; 100_000])),
            become_user: Some(user),
            ..Command::new("wc -c; echo \"$BECOME\"")
        };
        let output = host.run(big).await.unwrap().stdout_text();
        assert_eq!(output.trim(), "100000\nyes");
        assert_eq!(run(&host, "echo \"[$BECOME]\"").await.stdout, "[]\n");
    }
}

#[tokio::test]
async fn a_password_that_nobody_asks_for_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let sudo = fake_sudo(
        folder.path(),
        "echo 'a lecture' >&2; echo noise; exec \"$@\"",
    );
    for host in shells() {
        let user = become_by(sudo.clone(), Some("echo leaked"));
        let output = run_as(&host, user, "echo fine").await.unwrap();
        assert_eq!(output, Output::success("fine\n"));
    }
}

#[tokio::test]
async fn refusals_to_become_are_told_apart() {
    let cases = [
        (ASKING, Some("wrong"), "rejects the password"),
        (
            "echo 'sudo: a password is required' >&2; exit 1",
            None,
            "refuses to become root: sudo: a password is required",
        ),
        (
            "echo 'joe is not in the sudoers file.' >&2; exit 1",
            Some("x"),
            "joe is not in the sudoers file.",
        ),
    ];
    let host = Local::new();
    for (body, password, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let sudo = fake_sudo(folder.path(), body);
        let error = run_as(&host, become_by(sudo, password), "true")
            .await
            .unwrap_err();
        let ConnectionError::Become(words) = &error else {
            panic!("{error:?}");
        };
        assert!(words.contains(expected), "{words}");
        assert!(!words.contains("wrong"), "{words}");
    }
    let error = run_as(&host, become_by("/no/sudo".to_owned(), None), "true")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("/no/sudo is not there"),
        "{error}"
    );
}
