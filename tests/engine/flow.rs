//! Blocks, handlers, tags and `meta`: what runs, where, and in which order.

use crate::support::Place;

fn play(tasks: &str) -> String {
    format!("- hosts: all\n  gather_facts: false\n{tasks}")
}

#[test]
fn a_failure_in_rescue_goes_to_the_outer_rescue() {
    let ran = Place::new(&["h1", "h2"]).run(&play(
        "
  tasks:
    - block:
        - block:
            - name: boom
              fail: {msg: nope}
              when: inventory_hostname == 'h1'
          rescue:
            - debug: {msg: '{{ ansible_failed_task.name }} {{ ansible_failed_result.msg }}'}
            - name: again
              command: 'false'
          always:
            - name: inner always
              debug: {msg: inner}
        - name: after
          debug: {msg: after}
      rescue:
        - debug: {msg: '{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}'}
      always:
        - name: outer always
          debug: {msg: outer}
",
    ));
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(ran.said("h1"), ["boom nope", "inner", "again 1", "outer"]);
    assert_eq!(ran.said("h2"), ["inner", "after", "outer"]);
    assert_eq!(ran.counts("h1"), [4, 0, 0, 0, 0, 2, 0]);
}

#[test]
fn always_runs_on_failed_hosts_which_stay_failed() {
    let ran = Place::new(&["h1", "h2", "x3"]).run(&play(
        "
  tasks:
    - block:
        - command: 'true'
        - fail: {msg: nope}
          when: inventory_hostname == 'h1'
      always:
        - debug: {msg: always}
    - debug: {msg: end}
",
    ));
    assert_eq!(ran.said("h1"), ["always"]);
    assert_eq!(ran.said("h2"), ["always", "end"]);
    assert_eq!(ran.said("x3"), Vec::<String>::new());
    assert_eq!((ran.code, ran.state("x3")), (2, "unreachable"));
}

const HANDLERS: &str = "
  handlers:
    - name: second
      debug: {msg: second}
    - name: first
      debug: {msg: first}
    - name: listener
      listen: topic
      debug: {msg: listener}
    - name: other listener
      listen: [topic]
      debug: {msg: other}
";

#[test]
fn handlers_run_once_in_the_order_they_are_written() {
    let ran = Place::new(&["h1", "h2"]).run(&play(&format!(
        "{HANDLERS}
  tasks:
    - {{command: 'true', notify: [first, second]}}
    - {{command: 'true', notify: topic}}
    - {{command: 'true', notify: first, when: inventory_hostname == 'h2'}}
    - {{command: 'true', changed_when: false, notify: first}}
    - meta: flush_handlers
    - debug: {{msg: between}}
    - {{command: 'true', notify: second, when: inventory_hostname == 'h2'}}
  post_tasks:
    - debug: {{msg: post}}
"
    )));
    assert_eq!(ran.code, 0, "{}", ran.text);
    let start = ["second", "first", "listener", "other", "between"];
    assert_eq!(ran.said("h1"), [&start[..], &["post"]].concat());
    assert_eq!(ran.said("h2"), [&start[..], &["second", "post"]].concat());
}

#[test]
fn a_failed_host_loses_its_handlers_unless_they_are_forced() {
    let tasks = format!(
        "{HANDLERS}
  tasks:
    - {{command: 'true', notify: first}}
    - fail: {{msg: nope}}
      when: inventory_hostname == 'h1'
"
    );
    let place = Place::new(&["h1", "h2"]);
    let ran = place.run(&play(&tasks));
    assert_eq!(ran.said("h1"), Vec::<String>::new());
    assert_eq!(ran.said("h2"), ["first"]);
    assert_eq!(ran.warnings(), ["its handlers did not run: first"]);
    let ran = place.run_with(&play(&tasks), &["--force-handlers"]);
    assert_eq!(ran.said("h1"), ["first"]);
    assert_eq!(ran.state("h1"), "failed");
}

#[test]
fn a_handler_that_fails_on_one_host_leaves_the_others_alone() {
    let ran = Place::new(&["h1", "h2"]).run(&play(
        "
  handlers:
    - name: risky
      fail: {msg: nope}
      when: inventory_hostname == 'h1'
    - name: last
      debug: {msg: last}
  tasks:
    - {command: 'true', notify: [risky, last]}
",
    ));
    assert_eq!((ran.code, ran.state("h1")), (2, "failed"), "{}", ran.text);
    assert_eq!(ran.said("h1"), Vec::<String>::new());
    assert_eq!(ran.said("h2"), ["last"]);
}

#[test]
fn a_notification_without_a_handler_fails_the_host() {
    let ran = Place::new(&["h1"]).run(&play(
        "
  handlers: [{name: '{{ there }}', debug: {msg: x}}]
  vars: {there: a}
  tasks:
    - {command: 'true', notify: nobody}
",
    ));
    assert_eq!((ran.code, ran.state("h1")), (2, "failed"), "{}", ran.text);
}

#[test]
fn tags_choose_tasks_meta_among_them() {
    let playbook = play(&format!(
        "{HANDLERS}
  tasks:
    - {{debug: {{msg: one}}, tags: one}}
    - {{debug: {{msg: two}}, tags: two}}
    - {{debug: {{msg: always}}, tags: always}}
    - {{debug: {{msg: never}}, tags: never}}
    - {{command: 'true', notify: first, tags: one}}
    - {{meta: flush_handlers, tags: two}}
    - {{debug: {{msg: after}}, tags: one}}
    - meta: end_play
    - {{debug: {{msg: end}}, tags: one}}
"
    ));
    let place = Place::new(&["h1"]);
    for (arguments, said) in [
        (&["--tags", "one"][..], "one always after end first"),
        (&["--tags", "never"], "always never"),
        (&["--skip-tags", "one"], "two always"),
        (&[], "one two always first after"),
    ] {
        let ran = place.run_with(&playbook, arguments);
        assert_eq!(ran.said("h1").join(" "), said, "{arguments:?}");
    }
}

#[test]
fn hosts_that_ended_or_were_forgiven_take_part_in_the_next_play() {
    let ran = Place::new(&["h1", "h2", "h3"]).run(&format!(
        "{}{}",
        play(
            "
  tasks:
    - meta: end_host
      when: inventory_hostname == 'h1'
    - debug: {msg: \"{{ ansible_play_hosts | join(',') }}\"}
    - fail: {msg: nope}
      when: inventory_hostname == 'h2'
    - meta: clear_host_errors
    - debug: {msg: cleared}
"
        ),
        play("\n  serial: 1\n  tasks: [{debug: {msg: \"{{ ansible_play_hosts | join(',') }} {{ ansible_play_batch | join }}\"}}]\n")
    ));
    assert_eq!(ran.said("h1"), ["h1,h2,h3 h1"], "{}", ran.text);
    assert_eq!(ran.said("h2"), ["h2,h3", "h1,h2,h3 h2"]);
    assert_eq!(ran.said("h3"), ["h2,h3", "cleared", "h1,h2,h3 h3"]);
}

#[test]
fn an_interrupted_run_takes_its_hosts_back() {
    let place = Place::new(&["h1", "h2"]);
    std::fs::write(place.on("h1", "conf"), "old").unwrap();
    let child = place.start(&play(
        "
  serial: 1
  rollback: {on: failure}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - command: touch {{ place }}/ready
    - command: test -e {{ place }}/never
      register: r
      until: r is success
      retries: 100
      delay: 100
",
    ));
    while !place.on("h1", "ready").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = child.id().to_string();
    std::process::Command::new("kill")
        .args(["-INT", &id])
        .status()
        .unwrap();
    let ran = crate::support::Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "old");
    assert_eq!(
        (ran.state("h1"), ran.state("h2")),
        ("rolled_back", "pending")
    );
}

/// A name is rendered with the variables of all hosts, those of the failed one among them.
#[test]
fn a_task_may_fail_whose_name_asks_for_its_own_host() {
    let ran = Place::new(&["h1", "h2"]).run(
        "
- hosts: all
  gather_facts: false
  tasks:
    - name: on {{ hostvars[inventory_hostname].inventory_hostname }} of {{ hostvars | length }}
      fail: {msg: broken}
      when: inventory_hostname == 'h1'
    - debug: {msg: reached}
",
    );
    assert_eq!((ran.code, ran.state("h1")), (2, "failed"), "{}", ran.text);
    assert_eq!(ran.said("h2"), ["reached"]);
}
