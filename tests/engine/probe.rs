//! The user's probe, and the user's tasks around a way back.

use crate::support::Place;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers every request with this status, until the test ends.
fn server(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            let count = stream.read(&mut request).unwrap_or_default();
            let text = String::from_utf8_lossy(&request[..count]).to_lowercase();
            // `u:geheim` in Base64: the user information of the URL must have become a header.
            let known = text.contains("authorization: basic dtpnzwhlaw0=");
            let status = if known { status } else { "401 No" };
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    port
}

fn playbook(probe: &str) -> String {
    format!(
        "
- hosts: all
  gather_facts: false
  serial: 1
  rollback: {{on: failure}}
  probe: {probe}
  tasks:
    - copy: {{dest: '{{{{ place }}}}/conf', content: new}}
    - shell: touch {{{{ place }}}}/down; sleep {{{{ wait | default(0) }}}}
      undo: 'true'
    - debug: {{msg: through}}
"
    )
}

#[test]
fn a_url_that_answers_well_lets_the_play_begin_and_its_password_is_never_shown() {
    for (status, code, changed) in [("204 Fine", 0, "new"), ("503 Down", 2, "")] {
        let place = Place::new(&["h1"]);
        let port = server(status);
        let probe = format!(
            "{{url: 'http://u:geheim@127.0.0.1:{port}/x?token=abc', interval: 0.1, failures: 2}}"
        );
        let ran = place.run(&playbook(&probe));
        assert_eq!(ran.code, code, "{}", ran.text);
        assert_eq!(place.read("h1", "conf"), changed);
        assert!(
            !ran.text.contains("geheim") && !ran.text.contains("abc"),
            "{}",
            ran.text
        );
        let shown = format!("http://127.0.0.1:{port}/x");
        assert_eq!(ran.all("probe_changed")[0]["probe"], shown.as_str());
        if code == 2 {
            assert!(
                ran.stopped().contains("it answers 503"),
                "{}",
                ran.stopped()
            );
            assert_eq!(ran.state("h1"), "pending");
        }
    }
}

#[test]
fn a_breach_fails_the_hosts_in_flight_and_starts_no_other() {
    let place = Place::new(&["h1", "h2"]);
    let down = place.on("h1", "down").display().to_string();
    let probe = format!("{{command: 'test ! -e {down}', interval: 0.05, failures: 2}}");
    let ran = place.run_with(&playbook(&probe), &["-e", "wait=2"]);
    assert_eq!(
        (ran.code, ran.state("h1")),
        (2, "rolled_back"),
        "{}",
        ran.text
    );
    assert_eq!(ran.state("h2"), "pending");
    assert!(!place.on("h1", "conf").exists());
    assert!(ran.said("h1").is_empty(), "no task begins after the breach");
    assert!(
        ran.stopped().contains("gave 2 bad answers"),
        "{}",
        ran.stopped()
    );
}

#[test]
fn an_empty_probe_is_off_and_a_wrong_one_is_refused() {
    let place = Place::new(&["h1"]);
    for off in [
        "{url: '{{ nothing | default(\"\") }}', command: ''}",
        "{command: ''}",
    ] {
        let ran = place.run(&playbook(off));
        assert_eq!(
            (ran.code, ran.all("probe_changed").len()),
            (0, 0),
            "{}",
            ran.text
        );
    }
    for (wrong, message) in [
        ("{url: 'http://h', command: 'true'}", "not both"),
        ("{interval: 5}", "nothing to ask"),
        ("{url: 'http://h', intervall: 5}", "did you mean `interval`"),
        ("{command: 'true', interval: soon}", "30s or 5m"),
        ("{url: 'https://h', ca: /no/such.pem}", "/no/such.pem"),
    ] {
        let ran = place.run(&playbook(wrong));
        assert_eq!(ran.code, 1, "{wrong}: {}", ran.text);
        assert!(ran.text.contains(message), "{wrong}: {}", ran.text);
    }
}

#[test]
fn tasks_of_the_user_run_before_and_after_the_way_back_and_do_not_stop_it() {
    let place = Place::new(&["h1", "h2"]);
    std::fs::write(place.on("h1", "conf"), "old").unwrap();
    place.file(
        "before.yml",
        "- shell: 'cat {{ place }}/conf >> {{ place }}/log'
- debug: {msg: '{{ ansible_failed_task.name }}: {{ windlass_failed_result.msg }}'}
- fail: {msg: hook is broken}
",
    );
    place.file(
        "after.yml",
        "- shell: 'echo {{ windlass_rollback }} >> {{ place }}/log; cat {{ place }}/conf >> {{ place }}/log'\n",
    );
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure, deadman: 1h, on_failure: before.yml, on_rollback: after.yml}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - name: Break
      fail: {msg: broken}
      when: inventory_hostname == 'h1'
",
    );
    assert_eq!(
        (ran.code, ran.state("h1")),
        (2, "rolled_back"),
        "{}",
        ran.text
    );
    assert_eq!(ran.said("h1"), ["Break: broken"]);
    // What the hooks changed stays: it is not the run's.
    assert_eq!(place.read("h1", "log"), "newrestored\nold");
    let warned = ran
        .warnings()
        .iter()
        .any(|it| it.contains("hook is broken"));
    assert!(warned, "{}", ran.text);
    assert_eq!(
        ran.counts("h1")[3],
        1,
        "the hook's failure is not the host's"
    );
    assert!(!place.on("h2", "log").exists());
}

#[test]
fn a_held_host_is_told_what_to_do_instead() {
    let place = Place::new(&["h1"]);
    let held = |more: &str| {
        format!(
            "
- hosts: all
  gather_facts: false
  rollback: {{on: failure}}
  tasks:
    - copy: {{dest: '{{{{ place }}}}/conf', content: new}}
    - windlass.commit: {{reason: it has served{more}}}
    - fail: {{msg: broken}}
"
        )
    };
    let ran = place.run(&held(", instead: [fix it, run again]"));
    assert_eq!(ran.state("h1"), "held", "{}", ran.text);
    assert_eq!(
        ran.rollback("h1")["instead"],
        serde_json::json!(["fix it", "run again"])
    );
    let ran = place.run(&held(""));
    let steps = ran.rollback("h1")["instead"].as_array().unwrap();
    assert!(!steps.is_empty(), "{}", ran.text);
}
