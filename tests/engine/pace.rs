//! Plays that go round in loops, and how fast batches follow each other.

use crate::support::{Place, Ran};

/// The messages of `debug` and `fail` on a host, in order.
fn said(ran: &Ran, host: &str) -> String {
    ran.all("task_finished")
        .iter()
        .filter(|event| event["host"] == host)
        .filter_map(|event| event["result"]["result"]["msg"].as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn plays_of_an_imported_playbook_go_round_together() {
    let place = Place::new(&["h1", "h2"]);
    place.file(
        "hop.yml",
        "
- hosts: all
  name: servers at {{ version }}
  gather_facts: false
  serial: 1
  tasks:
    - debug: {msg: 's{{ version }}'}
- hosts: h2
  gather_facts: false
  tasks:
    - debug: {msg: 'w{{ version }}/{{ at }}'}
",
    );
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {hops: ['1', '2']}
- import_playbook: hop.yml
  loop: '{{ hops }}'
  loop_control: {loop_var: version, index_var: at}
- hosts: h1
  gather_facts: false
  loop: '{{ [] }}'
  tasks:
    - debug: {msg: never}
- hosts: h1
  gather_facts: false
  tasks:
    - debug: {msg: '{{ version | default(\"over\") }}'}
",
    );
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(said(&ran, "h1"), "s1 s2 over");
    assert_eq!(said(&ran, "h2"), "s1 w1/0 s2 w2/1");
    let names: Vec<_> = ran
        .all("play_started")
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"servers at 2"), "{names:?}");
}

#[test]
fn the_loops_variable_is_stronger_than_extra_variables() {
    let place = Place::new(&["h1"]);
    let ran = place.run_with(
        "
- hosts: all
  gather_facts: false
  loop: [a, b]
  loop_control: {loop_var: version}
  tasks:
    - debug: {msg: '{{ version }}'}
",
        &["-e", "version=z"],
    );
    assert_eq!(said(&ran, "h1"), "a b", "{}", ran.text);
}

#[test]
fn a_failure_ends_the_rounds() {
    let place = Place::new(&["h1", "h2"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  serial: 1
  max_fail_percentage: 0
  loop: [1, 2]
  tasks:
    - fail: {msg: 'no {{ item }}'}
      when: inventory_hostname == 'h1'
",
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(said(&ran, "h1"), "no 1");
    assert_eq!(ran.state("h2"), "pending");
}

#[test]
fn what_no_play_loop_can_be_is_refused() {
    let place = Place::new(&["h1"]);
    let ran = place.run(
        "
- hosts: all
  loop: 7
  loop_control: {pause: 3}
  soak: a while
  max_unavailable: many
  tasks: []
- hosts: all
  loop_control: {loop_var: x}
",
    );
    assert_eq!(ran.code, 1);
    for message in [
        "`loop` must be a list",
        "`pause` is for loops of tasks",
        "`soak` must be seconds",
        "`max_unavailable` must be a number of hosts or a percentage",
        "`loop_control` stands here without a `loop`",
    ] {
        assert!(ran.text.contains(message), "{message}\n{}", ran.text);
    }
}

#[test]
fn a_batch_that_changed_something_is_watched() {
    let place = Place::new(&["h1", "h2", "h3"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  serial: 1
  soak: 0.2s
  tasks:
    - command: 'true'
      changed_when: inventory_hostname != 'h1'
",
    );
    assert_eq!(ran.code, 0, "{}", ran.text);
    let soaked: Vec<_> = ran
        .all("soaking")
        .iter()
        .map(|event| event["hosts"][0].as_str().unwrap())
        .collect();
    // The first changed nothing, after the last nothing follows.
    assert_eq!(soaked, ["h2"]);
}

#[test]
fn hosts_that_failed_take_room_from_later_batches() {
    let place = Place::new(&["h0", "h1", "h2", "h3", "h4", "h5"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  serial: 3
  max_unavailable: 2
  tasks:
    - fail: {msg: broken}
      when: inventory_hostname == 'h0'
",
    );
    let batches: Vec<_> = ran
        .all("batch_started")
        .iter()
        .map(|event| event["hosts"].as_array().unwrap().len())
        .collect();
    // The batch of three is cut to two; one of them fails, so one at a time is left.
    assert_eq!(batches, [2, 1, 1, 1, 1], "{}", ran.text);
    assert_eq!(ran.code, 2);
}

#[test]
fn without_room_no_batch_starts() {
    let place = Place::new(&["h0", "h1", "h2"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  serial: 1
  max_fail_percentage: 100
  max_unavailable: '34%'
  tasks:
    - fail: {msg: broken}
      when: inventory_hostname == 'h0'
      failed_when: true
    - debug: {msg: reached}
",
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(ran.state("h1"), "pending");
}
