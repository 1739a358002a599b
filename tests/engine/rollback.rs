//! A failed host goes back: content, order, checks, what cannot be undone, what is committed.

use crate::support::Place;

/// Changes `conf` and `made`, then fails on h1.
const UPGRADE: &str = "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - copy: {dest: '{{ place }}/made', content: x}
    - file: {path: '{{ place }}/old', state: absent}
    - fail: {msg: broken}
      when: inventory_hostname == 'h1'
";

fn place(hosts: &[&str]) -> Place {
    let place = Place::new(hosts);
    for host in hosts {
        std::fs::write(place.on(host, "conf"), "old").unwrap();
        std::fs::write(place.on(host, "old"), "keep me").unwrap();
    }
    place
}

#[test]
fn a_failed_host_is_as_it_was_and_a_good_one_keeps_its_changes() {
    let place = place(&["h1", "h2"]);
    let ran = place.run(UPGRADE);
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "old");
    assert_eq!(place.read("h1", "old"), "keep me");
    assert!(!place.on("h1", "made").exists());
    assert_eq!(place.read("h2", "conf"), "new");
    assert_eq!(ran.state("h1"), "rolled_back");
    assert_eq!(ran.state("h2"), "done");
    let undone = ran.rollback("h1")["undone"].as_array().unwrap();
    let undone: Vec<_> = undone.iter().map(|what| what.as_str().unwrap()).collect();
    assert_eq!(undone.len(), 3, "{undone:?}");
    assert!(
        undone[0].contains("old") && undone[2].contains("conf"),
        "{undone:?}"
    );
    let committed = ran.all("host_committed");
    assert_eq!(committed.len(), 1);
    assert_eq!(committed[0]["host"], "h2");
}

#[test]
fn changes_of_a_second_play_go_back_too() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: first}
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: second}
    - fail: {msg: broken}
",
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "first");
    let steps: Vec<_> = ran
        .all("undo_recorded")
        .iter()
        .map(|it| it["step"].clone())
        .collect();
    assert_eq!(steps, [1, 2]);
}

#[test]
fn a_run_is_taken_back_later() {
    let place = place(&["h1", "h2"]);
    let ran = place.run(&UPGRADE.replace("== 'h1'", "== 'none'"));
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "new");
    let run = ran.events[0]["run"].as_str().unwrap().to_owned();
    let back = place.other("rollback", &[&run, "--limit", "h2", "--json"]);
    assert_eq!(back.code, 0, "{}", back.text);
    assert_eq!(back.state("h2"), "rolled_back");
    assert_eq!(place.read("h2", "conf"), "old");
    assert_eq!(place.read("h1", "conf"), "new");
}

#[test]
fn a_restored_host_must_pass_its_checks() {
    let place = place(&["h1", "h2"]);
    place.file(
        "verify.yml",
        "- command: grep -q old {{ place }}/conf\n  changed_when: false\n- fail: {msg: not well}\n  when: inventory_hostname == bad\n",
    );
    let playbook = UPGRADE
        .replace("{on: failure}", "{on: failure, verify: verify.yml}")
        .replace("== 'h1'", "in ['h1', 'h2']");
    let ran = place.run_with(&playbook, &["-e", "bad=none"]);
    assert_eq!(
        (ran.code, ran.state("h1")),
        (2, "rolled_back"),
        "{}",
        ran.text
    );
    let ran = place.run_with(&playbook, &["-e", "bad=h1"]);
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert_eq!(ran.state("h1"), "rollback_incomplete");
    assert_eq!(ran.state("h2"), "rolled_back");
    let message = ran.rollback("h1")["message"].as_str().unwrap();
    assert!(message.contains("not well"), "{message}");
}

#[test]
fn only_real_changes_are_named_as_not_undone() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - name: looks
      command: 'true'
      changed_when: false
    - name: undoable
      command: touch {{ place }}/flag
      undo: rm {{ place }}/flag
    - name: changes
      command: 'true'
    - name: unclear
      command: 'false'
",
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert!(!place.on("h1", "flag").exists());
    let message = ran.rollback("h1")["message"].as_str().unwrap();
    assert!(
        message.contains("changes") && message.contains("unclear"),
        "{message}"
    );
    assert!(
        !message.contains("looks") && !message.contains("undoable"),
        "{message}"
    );
}

#[test]
fn a_host_with_nothing_to_replay_still_tells_what_stays() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - name: changes
      command: 'true'
    - fail: {msg: broken}
",
    );
    assert_eq!(ran.state("h1"), "failed");
    assert!(
        ran.warnings()
            .iter()
            .any(|it| it.starts_with("not undone: changes")),
        "{}",
        ran.text
    );
}

#[test]
fn without_a_wish_for_it_nothing_goes_back() {
    let place = place(&["h1"]);
    let ran = place.run(&UPGRADE.replace("{on: failure}", "{on: never}"));
    assert_eq!((ran.code, ran.state("h1")), (2, "failed"), "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "new");
    let run = ran.events[0]["run"].as_str().unwrap().to_owned();
    let back = place.other("rollback", &[&run, "--json"]);
    assert_eq!(back.code, 0, "{}", back.text);
    assert_eq!(place.read("h1", "conf"), "old");
}

#[test]
fn what_a_rescue_saved_does_not_go_back() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - block:
        - copy: {dest: '{{ place }}/conf', content: new}
        - fail: {msg: broken}
      rescue:
        - debug: {msg: saved}
",
    );
    assert_eq!((ran.code, ran.state("h1")), (0, "done"), "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "new");
}

#[test]
fn a_dropped_mate_goes_back_as_well() {
    let place = place(&["h1", "h2"]);
    let ran = place.run(&UPGRADE.replace("rollback:", "any_errors_fatal: true\n  rollback:"));
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(place.read("h2", "conf"), "old");
    assert_eq!(ran.state("h2"), "rolled_back");
}

#[test]
fn the_controller_keeps_no_undo_log() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - name: local file
      copy: {dest: '{{ place }}/conf', content: new}
      delegate_to: localhost
    - fail: {msg: broken}
",
    );
    assert_eq!(ran.state("h1"), "failed");
    let warned = |text: &str| ran.warnings().iter().any(|it| it.contains(text));
    assert!(
        warned("local file: the controller keeps no undo log (on localhost)"),
        "{}",
        ran.text
    );
}

#[test]
fn a_command_whose_connection_was_lost_is_not_run_again() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - name: cut
      shell: echo once >> {{ place }}/made; kill -9 $PPID; sleep 5
",
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(ran.trace()[1], "cut: h1=unknown", "{}", ran.text);
    assert_eq!(place.read("h1", "made"), "once\n");
    assert_eq!(
        (ran.state("h1"), place.read("h1", "conf").as_str()),
        ("rolled_back", "old")
    );
}

#[test]
fn behind_the_point_of_no_return_a_host_is_held() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - windlass.commit: {reason: it has served}
    - copy: {dest: '{{ place }}/made', content: x}
    - fail: {msg: broken}
",
    );
    assert_eq!((ran.code, ran.state("h1")), (2, "held"), "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "new");
    assert!(!place.on("h1", "made").exists());
    let message = ran.rollback("h1")["message"].as_str().unwrap();
    assert!(message.contains("it has served"), "{message}");
}

/// What no log knows of could not be kept to: the host would go back behind it.
#[test]
fn a_point_of_no_return_that_cannot_be_recorded_is_a_failure() {
    let place = place(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  rollback: {on: failure}
  vars:
    manifest: '{{ windlass_state_dir }}/runs/{{ windlass_run_id }}/manifest'
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - shell: rm {{ manifest | quote }} && mkdir {{ manifest | quote }}
    - windlass.commit: {reason: it has served}
    - copy: {dest: '{{ place }}/made', content: x}
",
    );
    let failure = ran.recap("h1")["failed"].as_u64();
    assert_eq!(failure, Some(1), "{}", ran.text);
    assert!(
        ran.text
            .contains("the point of no return could not be recorded"),
        "{}",
        ran.text
    );
    assert!(!place.on("h1", "made").exists());
    assert_ne!(ran.state("h1"), "held");
}
