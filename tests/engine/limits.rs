//! When does a rolling run go on? One test per row of the table that the design promises.

use crate::support::{Place, Ran};

const TEN: [&str; 10] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"];

/// Runs two plays over `hosts`: the first with `head`, failing on `failing`; both end with a task that says so.
fn run(hosts: &[&str], head: &str, failing: &str) -> Ran {
    Place::new(hosts).run(&format!(
        "
- hosts: all
  gather_facts: false
{head}
  tasks:
    - name: reach
      command: 'true'
    - name: step
      fail: {{msg: broken}}
      when: inventory_hostname in '{failing}'.split()
    - name: end
      debug: {{msg: end}}
- hosts: all
  gather_facts: false
  tasks:
    - name: second
      debug: {{msg: second}}
"
    ))
}

fn passed(ran: &Ran, task: &str) -> String {
    let start = format!("{task}: ");
    let hosts: Vec<_> = ran
        .trace()
        .iter()
        .filter_map(|line| line.strip_prefix(&start).map(str::to_owned))
        .flat_map(|results| results.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|result| result.strip_suffix("=ok").map(str::to_owned))
        .collect();
    hosts.join(" ")
}

#[test]
fn one_of_a_batch_may_fail_where_no_limit_is_set() {
    let ran = run(&TEN, "  serial: 3", "h1");
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(passed(&ran, "end"), "h0 h2 h3 h4 h5 h6 h7 h8 h9");
    assert_eq!(passed(&ran, "second"), "h0 h2 h3 h4 h5 h6 h7 h8 h9");
    assert_eq!(ran.state("h1"), "failed");
}

#[test]
fn a_batch_that_fails_whole_stops_all() {
    let ran = run(&["h1", "h2", "h3"], "  serial: 2", "h1 h2");
    assert_eq!(ran.code, 2);
    assert_eq!(
        (passed(&ran, "end"), passed(&ran, "second")),
        Default::default()
    );
    assert_eq!(ran.state("h3"), "pending");
    assert_eq!(ran.stopped(), "all 2 hosts of the batch failed");
}

#[test]
fn a_share_above_the_limit_stops_after_the_task() {
    for (limit, stops) in [(0, true), (33, true), (34, false), (50, false)] {
        let head = format!("  serial: 3\n  max_fail_percentage: {limit}");
        let ran = run(&["h1", "h2", "h3", "h4"], &head, "h2");
        let (end, h1) = if stops {
            ("", "aborted")
        } else {
            ("h1 h3 h4", "done")
        };
        assert_eq!(passed(&ran, "end"), end, "limit {limit}: {}", ran.text);
        assert_eq!(ran.state("h1"), h1);
        assert_eq!(ran.code, 2);
    }
}

#[test]
fn unreachable_counts_as_failed() {
    let ran = run(&["h1", "x2", "h3"], "  max_fail_percentage: 40", "h1");
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(
        (passed(&ran, "end"), passed(&ran, "second")),
        Default::default()
    );

    let ran = run(&["x1", "h2", "h3"], "  max_fail_percentage: 0", "");
    assert_eq!(ran.code, 4, "{}", ran.text);
    assert_eq!(
        (passed(&ran, "end"), passed(&ran, "second")),
        Default::default()
    );
    assert_eq!(ran.state("h2"), "aborted");
}

#[test]
fn any_errors_fatal_stops_for_an_unreachable_host() {
    let ran = run(&["x1", "h2"], "  serial: 1\n  any_errors_fatal: true", "");
    assert_eq!(ran.code, 4, "{}", ran.text);
    assert_eq!(ran.state("h2"), "pending");

    let head = "  serial: 2\n  any_errors_fatal: true";
    let ran = run(&["h1", "x2", "h3"], head, "");
    assert_eq!(ran.code, 4, "{}", ran.text);
    assert_eq!(ran.state("h1"), "aborted");
    assert_eq!(ran.state("h3"), "pending");
    assert_eq!(
        (passed(&ran, "end"), passed(&ran, "second")),
        Default::default()
    );
}

#[test]
fn without_a_limit_an_unreachable_host_is_left_out() {
    let ran = run(&["h1", "x2", "h3"], "  serial: 2", "");
    assert_eq!(ran.code, 4, "{}", ran.text);
    assert_eq!(passed(&ran, "second"), "h1 h3");
}

#[test]
fn a_rescue_counts_as_success() {
    let place = Place::new(&["h1", "h2", "h3"]);
    let playbook = |head: &str| {
        format!(
            "
- hosts: all
  gather_facts: false
  {head}
  tasks:
    - block:
        - fail: {{msg: broken}}
          when: inventory_hostname == 'h1'
      rescue:
        - name: saved
          debug: {{msg: saved}}
    - name: end
      debug: {{msg: end}}
"
        )
    };
    let ran = place.run(&playbook("max_fail_percentage: 0"));
    assert_eq!(
        (ran.code, passed(&ran, "saved").as_str()),
        (0, "h1"),
        "{}",
        ran.text
    );
    assert_eq!(passed(&ran, "end"), "h1 h2 h3");
    let ran = place.run(&playbook("any_errors_fatal: true"));
    assert_eq!(
        (ran.code, passed(&ran, "saved").as_str()),
        (0, "h1 h2 h3"),
        "{}",
        ran.text
    );
    assert_eq!(passed(&ran, "end"), "h1 h2 h3");
    // ok, changed, unreachable, failed, skipped, rescued, ignored
    assert_eq!(ran.counts("h1"), [2, 0, 0, 0, 0, 1, 0]);
    assert_eq!(ran.counts("h2"), [2, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn run_once_fails_for_all_of_its_batch() {
    let ran = run(&["h1", "h2", "h3"], "  serial: 2\n  run_once: true", "h1");
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!((ran.state("h1"), ran.state("h2")), ("failed", "aborted"));
    assert_eq!(ran.state("h3"), "pending");
}

#[test]
fn run_once_is_once_per_batch() {
    let ran = run(&["h1", "h2", "h3"], "  serial: 2\n  run_once: true", "");
    assert_eq!(passed(&ran, "end"), "h1 h3", "{}", ran.text);
}

#[test]
fn batches_have_the_sizes_of_the_reference() {
    for (serial, sizes) in [
        ("25%", &[2, 2, 2, 2, 2][..]),
        ("5%", &[1; 10]),
        ("[1, '30%', '100%']", &[1, 3, 6]),
    ] {
        let ran = run(&TEN, &format!("  serial: {serial}"), "");
        let started = ran.all("batch_started");
        let found: Vec<_> = started
            .iter()
            .map(|batch| batch["hosts"].as_array().unwrap().len())
            .collect();
        assert_eq!(found, sizes, "{serial}");
    }
}

#[test]
fn a_run_without_any_host_is_no_success() {
    let place = Place::new(&["h1"]);
    place.file(
        "inventory.yml",
        "all:\n  hosts:\n    h1: {ansible_connection: lab}\n  children:\n    empty: {}\n",
    );
    let none = "- hosts: empty\n  gather_facts: false\n  tasks: [{debug: {msg: x}}]\n";
    let ran = place.run(none);
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(ran.warnings().iter().any(|it| it.contains("no play")));
    let both =
        format!("{none}- hosts: all\n  gather_facts: false\n  tasks: [{{debug: {{msg: x}}}}]\n");
    assert_eq!(place.run(&both).code, 0);
}

#[test]
fn an_absolute_limit_holds_for_the_whole_run() {
    let ran = run(
        &["h1", "h2", "h3", "h4", "h5", "h6"],
        "  serial: 2\n  max_failures: 1",
        "h1 h3",
    );
    assert_eq!(passed(&ran, "end"), "h2", "{}", ran.text);
    assert_eq!(ran.state("h4"), "aborted");
    assert_eq!(ran.state("h5"), "pending");
}

#[test]
fn an_include_that_fails_stops_as_a_task_does() {
    let place = Place::new(&["h1", "h2"]);
    let ran = place.run(
        "
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - include_tasks: 'missing_{{ inventory_hostname }}.yml'
",
    );
    assert_eq!((ran.code, ran.state("h2")), (2, "pending"), "{}", ran.text);
}
