//! The whole way on this machine: the script under each shell that is here, then the parser.

use super::{Facts, Request, Subset, parse, script};
use std::path::PathBuf;
use std::process::Command;

/// The shells that are here: the words to call them, and a folder of busybox's tools to put first in PATH.
fn shells() -> Vec<(Vec<String>, Option<tempfile::TempDir>)> {
    let mut shells = vec![(vec!["sh".to_owned()], None)];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("busybox"))
        .find(|path| path.is_file());
    if let Some(busybox) = found {
        let folder = tempfile::tempdir().unwrap();
        for applet in "cat date df env grep head hostname ip sh timeout tr uname".split(' ') {
            std::os::unix::fs::symlink(&busybox, folder.path().join(applet)).unwrap();
        }
        let words = vec![busybox.display().to_string(), "sh".to_owned()];
        shells.push((words, Some(folder)));
    }
    shells
}

fn gather(words: &[String], tools: Option<&tempfile::TempDir>, request: &Request) -> Facts {
    let mut path: Vec<PathBuf> = tools.iter().map(|folder| folder.path().into()).collect();
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["-c", &script(request)])
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("LINES_OF", "one\ntwo=2")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    parse(&output.stdout, request).unwrap()
}

#[test]
fn this_machine_has_the_facts_that_playbooks_ask_for() {
    for (words, tools) in shells() {
        let facts = gather(&words, tools.as_ref(), &Request::default()).facts;
        for name in [
            "architecture",
            "machine",
            "system",
            "kernel",
            "nodename",
            "hostname",
            "fqdn",
            "os_family",
            "distribution",
            "service_mgr",
            "pkg_mgr",
            "user_id",
            "user_dir",
            "virtualization_type",
        ] {
            let value = facts[&format!("ansible_{name}")].as_str().unwrap();
            assert!(!value.is_empty(), "{name} under {words:?}");
        }
        assert_eq!(facts["ansible_system"], "Linux");
        assert_eq!(facts["ansible_userspace_bits"], "64");
        assert_eq!(facts["ansible_env"]["LINES_OF"], "one\ntwo=2");
        assert!(facts["ansible_env"].get("LC_ALL").is_none() || std::env::var("LC_ALL").is_ok());
        assert!(facts["ansible_memtotal_mb"].as_u64().unwrap() > 0);
        assert!(facts["ansible_processor_vcpus"].as_u64().unwrap() > 0);
        assert!(facts["ansible_processor_nproc"].as_u64().unwrap() > 0);
        assert!(facts["ansible_uptime_seconds"].as_u64().is_some());
        assert_eq!(
            facts["ansible_windlass"]["boot_id"].as_str().unwrap().len(),
            36
        );
        let epoch: u64 = facts["ansible_date_time"]["epoch"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(epoch > 1_700_000_000);
        let interfaces = facts["ansible_interfaces"].as_array().unwrap();
        assert!(interfaces.iter().any(|name| name == "lo"), "{interfaces:?}");
    }
}

#[test]
fn only_what_is_wanted_is_looked_at() {
    let none = Subset::parse(&["!all".to_owned(), "!min".to_owned()]).unwrap();
    let network = Subset {
        network: true,
        ..none
    };
    for (words, tools) in shells() {
        for (subset, has, lacks) in [
            (none, None, "ansible_kernel"),
            (network, Some("ansible_interfaces"), "ansible_kernel"),
        ] {
            let request = Request {
                subset,
                ..Request::default()
            };
            let facts = gather(&words, tools.as_ref(), &request).facts;
            assert!(has.is_none_or(|name| facts.contains_key(name)));
            assert!(!facts.contains_key(lacks));
        }
    }
}

#[test]
fn local_facts_are_read_but_programs_are_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.fact", "{\"role\": \"worker\"}\n");
    write("b.fact", "[main]\nx=1\n");
    write("c.txt", "ignored");
    let program = folder.path().join("p.fact");
    std::fs::write(&program, "#!/bin/sh\ntouch ran\n").unwrap();
    std::os::unix::fs::symlink("/bin/sh", folder.path().join("q.fact")).unwrap();
    let request = Request {
        fact_path: folder.path().display().to_string(),
        ..Request::default()
    };
    for (words, tools) in shells() {
        let found = gather(&words, tools.as_ref(), &request);
        let local = &found.facts["ansible_local"];
        assert_eq!(local["a"]["role"], "worker");
        assert_eq!(local["b"]["main"]["x"], "1");
        assert!(local.get("q").is_none() && local.get("c").is_none());
        assert!(
            found
                .warnings
                .iter()
                .any(|text| text.contains("q.fact is a program"))
        );
    }
}

#[test]
fn an_answer_that_ends_in_the_middle_is_no_answer() {
    assert!(parse(b"ids\0", &Request::default()).is_ok());
    assert!(parse(b"ids", &Request::default()).is_err());
}
