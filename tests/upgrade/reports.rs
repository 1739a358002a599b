//! What is left of a run: the list of runs, a run shown again, JUnit, metrics and notifications.

use crate::events::task_starts;
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::objects::settled;
use crate::running::{self, DEADLINE};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

fn small() -> Lab {
    settled(&Inventory::new().control_planes(1).workers(2))
}

fn text(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn windlass(lab: &Lab, arguments: &[&str]) -> (i32, String, String) {
    let output = running::within(DEADLINE, lab.command(arguments));
    let (out, err) = text(&output);
    (output.status.code().unwrap(), out, err)
}

/// A server that answers each request with the next of these codes, and with 200 when they are used up; `None` never answers.
struct Webhook {
    url: String,
    got: Arc<Mutex<Vec<String>>>,
}

impl Webhook {
    fn start(codes: Vec<Option<u16>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/hooks/planted-s3cret",
            listener.local_addr().unwrap()
        );
        let got = Arc::new(Mutex::new(Vec::new()));
        let log = got.clone();
        std::thread::spawn(move || {
            let mut codes = codes.into_iter();
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                log.lock().unwrap().push(request(&mut stream));
                match codes.next().unwrap_or(Some(200)) {
                    Some(code) => {
                        let answer = format!(
                            "HTTP/1.1 {code} Words\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        );
                        stream.write_all(answer.as_bytes()).ok();
                    }
                    None => silent.push(stream),
                }
            }
        });
        Self { url, got }
    }

    fn requests(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    fn notices(&self) -> Vec<Value> {
        let bodies = self.requests().into_iter();
        bodies
            .map(|request| {
                let (_, body) = request.split_once("\r\n\r\n").unwrap();
                serde_json::from_str(body).unwrap()
            })
            .collect()
    }
}

/// A whole request: head and body.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the request is cut short: {text}");
        bytes.extend_from_slice(&piece[..read]);
    }
}

#[test]
fn runs_are_listed_and_shown_again_as_they_were() {
    let lab = small();
    let (code, said, errors) = windlass(
        &lab,
        &[
            "run",
            "playbooks/upgrade.yml",
            "-i",
            lab.inventory(),
            "--limit",
            "worker1",
        ],
    );
    assert_eq!(code, 0, "{errors}");
    let killed = lab.killed_at(&["--limit", "worker2"], task_starts("Drain the node"));

    let runs: Value = serde_json::from_str(&lab.ok(&["runs", "--json"])).unwrap();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["run"], killed.id());
    assert_eq!(runs[0]["result"], "crashed");
    assert_eq!(runs[1]["result"], "done");
    assert_eq!(runs[1]["exit_code"], 0);
    assert_eq!(runs[1]["hosts"]["changed"], 1);
    assert_eq!(runs[1]["to_take_back"], serde_json::json!(["worker1"]));
    let list = lab.ok(&["runs"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("RUN "), "{list}");
    assert!(
        lines[1].starts_with(&killed.id()) && lines[1].ends_with("crashed"),
        "{list}"
    );
    assert!(lines[2].ends_with("done") && lines.len() == 3, "{list}");
    assert!(
        list.lines().all(|line| line.chars().count() <= 100),
        "{list}"
    );
    assert_eq!(lab.ok(&["runs", "-n", "1"]).lines().count(), 2);
    let back = lab.ok(&["rollback"]);
    assert!(
        back.contains("TO TAKE BACK") && back.contains("1 host"),
        "{back}"
    );

    // The first run again, by the end of its id.
    let first = runs[1]["run"].as_str().unwrap();
    let (_, end) = first.rsplit_once('-').unwrap();
    let shown = lab.ok(&["show", end]);
    let said = without_place(&said);
    assert!(shown.ends_with(said), "{shown}");
    let title = shown.strip_suffix(said).unwrap();
    assert!(title.starts_with(&format!("RUN {first}\n")), "{title}");
    assert!(title.contains("result     done after"), "{title}");

    // The last one, which was killed: as far as it went.
    let (code, shown, errors) = windlass(&lab, &["show", "--follow"]);
    assert_eq!(code, 0);
    // What changed something is on the disk at once; what only began may not be.
    assert!(shown.contains("Cordon the node"), "{shown}");
    assert!(
        errors.contains("did not end: its process is gone"),
        "{errors}"
    );
    assert!(
        errors.contains("  worker2: "),
        "the host in flight: {errors}"
    );
    let journal = lab
        .state_folder()
        .join("runs")
        .join(first)
        .join("events.jsonl");
    assert_eq!(
        lab.ok(&["show", first, "--json"]),
        fs::read_to_string(journal).unwrap()
    );
    let (code, _, errors) = windlass(&lab, &["show", "nope"]);
    assert_eq!(
        (code, errors.contains("there is no run `nope`")),
        (1, true),
        "{errors}"
    );
}

#[test]
fn a_run_under_way_is_listed_and_followed_to_its_end() {
    let lab = small();
    // The run goes on when the pipe is there: the hook waits for it as long as the test needs.
    let pipe = lab.state_folder().join("go-on");
    let hooks = serde_json::json!({ "pre_drain": "../hooks/pre_drain.yml" }).to_string();
    let folder = std::path::Path::new(lab.inventory()).join("../hooks");
    fs::create_dir_all(&folder).unwrap();
    let task = format!(
        "- name: Wait for the test\n  ansible.builtin.command: 'sh -c \"while [ ! -e {} ]; do sleep 0.1; done\"'\n  delegate_to: localhost\n",
        pipe.display()
    );
    fs::write(folder.join("pre_drain.yml"), task).unwrap();
    let variable = format!("{{\"upgrade_hooks\": {hooks}}}");
    let arguments = [
        "run",
        "playbooks/upgrade.yml",
        "-i",
        lab.inventory(),
        "--limit",
        "worker1",
        "-e",
        &variable,
    ];
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| windlass(&lab, &arguments));
        // The journal is there soon after the lock.
        while !lab.state_folder().join("runs").exists() || lab.ok(&["runs", "--json"]) == "[]\n" {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let runs: Value = serde_json::from_str(&lab.ok(&["runs", "--json"])).unwrap();
        assert_eq!(runs[0]["result"], "running", "{runs}");
        let (_, _, errors) = windlass(&lab, &["show"]);
        assert!(errors.contains("is under way; `windlass show"), "{errors}");
        let following = scope.spawn(|| windlass(&lab, &["show", "-f"]));
        fs::write(&pipe, "").unwrap();
        let run = run.join().unwrap();
        let shown = without_place(&run.1).to_owned();
        assert_eq!(following.join().unwrap(), (0, shown, String::new()));
        run
    });
    assert_eq!(run.0, 0, "{}{}", run.1, run.2);
}

/// What a run said, without the place of its journal, which is said where no terminal is.
fn without_place(said: &str) -> &str {
    let (before, last) = said.trim_end().rsplit_once('\n').unwrap();
    assert!(last.starts_with("journal: /"), "{last}");
    &said[..=before.len()]
}

#[test]
fn a_failed_run_as_junit_and_as_metrics() {
    let lab = small();
    lab.fault("worker1", "never-ready");
    let (xml, prom) = (
        lab.state_folder().join("run.xml"),
        lab.state_folder().join("run.prom"),
    );
    let files = [
        "--junit",
        xml.to_str().unwrap(),
        "--metrics",
        prom.to_str().unwrap(),
    ];
    let mut arguments = vec!["--limit", "kube_node", "-e", "gate_timeout=4"];
    arguments.extend(files);
    let run = lab.upgrade(&arguments);
    run.assert_code(2);
    let written = fs::read_to_string(&xml).unwrap();
    assert!(written.contains("<failure type=\"failed\""), "{written}");
    assert!(
        written.contains("classname=\"worker1\" name=\"rollback\""),
        "{written}"
    );
    assert!(
        written.contains("classname=\"worker2\" name=\"not started\""),
        "{written}"
    );
    assert_eq!(lab.ok(&["show", "--junit", "-"]), written, "the same again");
    let numbers = fs::read_to_string(&prom).unwrap();
    for (name, label, value) in [
        ("windlass_run_running", "", "0"),
        ("windlass_last_run_exit_code", "", "2"),
        ("windlass_last_run_result", ",result=\"failed\"", "1"),
        ("windlass_last_run_hosts", ",state=\"rolled_back\"", "1"),
        ("windlass_last_run_hosts", ",state=\"pending\"", "1"),
        ("windlass_last_run_rollbacks", "", "1"),
    ] {
        let labels = format!(
            "playbook=\"playbooks/upgrade.yml\",inventory=\"{}\",check=\"false\"{label}",
            lab.inventory()
        );
        let line = format!("{name}{{{labels}}} {value}\n");
        assert!(numbers.contains(&line), "{line}{numbers}");
    }
    // A run that is refused says nothing: neither about itself nor in place of another.
    let (code, _, errors) = windlass(
        &lab,
        &[
            "run",
            "playbooks/upgrade.yml",
            "-i",
            lab.inventory(),
            "--metrics",
            "/nowhere/run.prom",
        ],
    );
    assert_eq!(code, 1, "{errors}");
    assert!(
        errors.contains("--metrics: no file can be written in /nowhere"),
        "{errors}"
    );
}

#[test]
fn a_webhook_is_told_again_until_it_listens_and_its_url_is_nowhere() {
    let lab = small();
    lab.fault("worker1", "never-ready");
    let webhook = Webhook::start(vec![Some(500), Some(503)]);
    let token = lab.state_folder().join("token");
    fs::write(&token, "planted-t0ken\n").unwrap();
    let run = lab.upgrade(&[
        "--limit",
        "worker1",
        "-e",
        "gate_timeout=4",
        "--notify",
        &webhook.url,
        "--notify-token-file",
        token.to_str().unwrap(),
    ]);
    run.assert_code(2);
    let errors: Vec<&str> = run.errors.lines().collect();
    assert_eq!(errors.len(), 1, "all of it was delivered: {errors:?}");
    assert!(
        errors[0].starts_with("to go on: windlass resume "),
        "{errors:?}"
    );
    let notices = webhook.notices();
    let told: Vec<&str> = notices
        .iter()
        .map(|it| it["event"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["start", "start", "start", "failed", "end"]);
    for request in webhook.requests() {
        assert!(
            request.starts_with("POST /hooks/planted-s3cret HTTP/1.1\r\n"),
            "{request}"
        );
        let head = request.to_lowercase();
        assert!(
            head.contains("authorization: bearer planted-t0ken\r\n"),
            "{request}"
        );
        assert!(
            head.contains("content-type: application/json\r\n"),
            "{request}"
        );
    }
    let failed = &notices[3];
    assert_eq!(failed["run"], run.id());
    assert_eq!(failed["host"]["name"], "worker1");
    assert_eq!(failed["host"]["state"], "rolled_back");
    let end = &notices[4];
    assert_eq!(end["end"]["result"], "failed");
    assert_eq!(end["end"]["hosts"]["went_back"], 1);
    let text = end["text"].as_str().unwrap();
    assert!(
        text.contains("failed after") && text.contains("1 went back"),
        "{text}"
    );
    let journal = lab
        .state_folder()
        .join("runs")
        .join(run.id())
        .join("events.jsonl");
    for (place, text) in [
        ("the events", serde_json::to_string(&run.events).unwrap()),
        ("the journal", fs::read_to_string(journal).unwrap()),
    ] {
        assert!(
            !text.contains("s3cret") && !text.contains("planted-t0ken"),
            "{place}"
        );
    }
}

#[test]
fn a_server_that_never_answers_changes_nothing_but_a_warning() {
    let lab = small();
    let webhook = Webhook::start(vec![None; 9]);
    let run = lab.upgrade(&[
        "--limit",
        "worker1",
        "--notify",
        &webhook.url,
        "--notify-timeout",
        "1",
    ]);
    run.assert_code(0);
    let expected = format!(
        "notifications to http://{}/… not delivered: ",
        webhook.url.split('/').nth(2).unwrap()
    );
    assert!(run.errors.contains(&expected), "{}", run.errors);
    assert!(!run.errors.contains("s3cret"), "{}", run.errors);
}

#[test]
fn a_command_gets_the_notice_and_one_that_hangs_is_ended() {
    let lab = small();
    let folder = lab.state_folder();
    let (told, child) = (folder.join("told"), folder.join("child"));
    let list = folder.join("targets");
    let lines = format!(
        "# who is told\ncat >>{}; echo >>{}\nsleep 600 & echo $! >{}; wait\n",
        told.display(),
        told.display(),
        child.display()
    );
    fs::write(&list, lines).unwrap();
    let run = lab.upgrade(&[
        "--limit",
        "worker1",
        "--notify-file",
        list.to_str().unwrap(),
        "--notify-on",
        "end",
        "--notify-timeout",
        "1",
    ]);
    run.assert_code(0);
    let notices: Vec<Value> = fs::read_to_string(&told)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0]["event"], "end");
    assert_eq!(notices[0]["end"]["result"], "done");
    assert!(
        run.errors
            .contains("1 notification to the command sleep not delivered: "),
        "{}",
        run.errors
    );
    let child = fs::read_to_string(&child).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(
        status.is_err() || status.unwrap().contains(") Z "),
        "it is still there"
    );
}
