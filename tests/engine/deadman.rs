//! A host that goes back by itself, and the run after it.

use crate::support::{Place, Ran};
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

/// Changes `conf`, then takes its time.
const SLOW: &str = "
- hosts: all
  gather_facts: false
  rollback: {on: failure, deadman: '{{ wait }}'}
  tasks:
    - copy: {dest: '{{ place }}/conf', content: new}
    - shell: '{{ then }}'
      undo: 'true'
";

fn place() -> Place {
    let place = Place::new(&["h1"]);
    std::fs::write(place.on("h1", "conf"), "old").unwrap();
    place
}

/// Kills a run outright as soon as `conf` is changed; gives its id.
fn kill(place: &Place, wait: &str) -> String {
    let playbook = SLOW
        .replace("{{ wait }}", wait)
        .replace("{{ then }}", "sleep 60");
    let mut child = place.start(&playbook);
    let mut run = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let kind = &event["kind"];
        if kind["event"] == "run_started" {
            kind["run"].as_str().unwrap().clone_into(&mut run);
        }
        if kind["event"] == "undo_recorded" && kind["step"] == 2 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run
}

/// Waits until `conf` is as it was; the timer does that, and nobody else.
fn wait_for_the_way_back(place: &Place) {
    let end = Instant::now() + Duration::from_secs(30);
    while place.read("h1", "conf") != "old" {
        assert!(Instant::now() < end, "the host did not go back");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn fast(place: &Place, more: &[&str]) -> Ran {
    let mut arguments = vec!["-e", "wait=1h", "-e", "then=true"];
    arguments.extend(more);
    place.run_with(SLOW, &arguments)
}

/// Scenario 15, without a cluster.
#[test]
fn a_host_whose_run_was_killed_goes_back_by_itself_and_the_next_run_says_so_once() {
    let place = place();
    let run = kill(&place, "1s");
    wait_for_the_way_back(&place);
    let next = fast(&place, &[]);
    assert_eq!((next.code, next.state("h1")), (0, "done"), "{}", next.text);
    let back = next.all("went_back");
    assert_eq!(back.len(), 1, "{}", next.text);
    assert_eq!(
        (&back[0]["host"], &back[0]["run"]),
        (&"h1".into(), &run.into())
    );
    assert_eq!(back[0]["complete"], true);
    assert_eq!(place.read("h1", "conf"), "new");
    let third = fast(&place, &[]);
    assert!(third.all("went_back").is_empty(), "{}", third.text);
}

#[test]
fn the_next_run_takes_back_what_a_killed_one_left_before_its_timer_does() {
    let place = place();
    let run = kill(&place, "1h");
    let next = fast(&place, &[]);
    assert_eq!(next.code, 0, "{}", next.text);
    let back = next.all("taken_back");
    assert_eq!(back.len(), 1, "{}", next.text);
    assert_eq!(back[0]["run"], run.as_str());
    let undone = back[0]["undone"].to_string();
    assert!(undone.contains("conf"), "{undone}");
    // It is changed again, and not found as it was left.
    assert!(next.trace()[0].contains("h1=changed"), "{:?}", next.trace());
    assert_eq!(place.read("h1", "conf"), "new");
    // Check mode only says what was left.
    std::fs::write(place.on("h1", "conf"), "old").unwrap();
    kill(&place, "1h");
    let look = fast(&place, &["--check"]);
    assert!(look.all("taken_back").is_empty());
    assert!(look.warnings()[0].contains("neither committed nor taken back"));
}

#[test]
fn a_run_that_goes_on_is_not_disturbed_by_its_own_timer() {
    let place = place();
    let ran = place.run_with(SLOW, &["-e", "wait=4", "-e", "then='sleep 6'"]);
    assert_eq!((ran.code, ran.state("h1")), (0, "done"), "{}", ran.text);
    assert_eq!(ran.all("deadman_armed").len(), 1, "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "new");
    for off in ["wait=0", "wait=false"] {
        let ran = place.run_with(SLOW, &["-e", off, "-e", "then=true"]);
        assert_eq!((ran.code, ran.all("deadman_armed").len()), (0, 0));
    }
}

#[test]
fn a_failed_host_goes_back_at_once_and_its_timer_is_stopped() {
    let place = place();
    let ran = fast(&place, &["-e", "then=false"]);
    assert_eq!(ran.state("h1"), "rolled_back", "{}", ran.text);
    assert_eq!(place.read("h1", "conf"), "old");
    assert!(ran.all("went_back").is_empty());
    let again = fast(&place, &[]);
    assert!(again.all("taken_back").is_empty(), "{}", again.text);
}

#[test]
fn what_cannot_be_is_refused() {
    let place = place();
    for (wrong, message) in [
        ("{on: never, deadman: 15m}", "`on: never` forbids that"),
        ("{on: failure, deadman: soon}", "15m or 1h"),
    ] {
        let ran = place.run(&SLOW.replace("{on: failure, deadman: '{{ wait }}'}", wrong));
        assert_eq!(ran.code, 1);
        assert!(ran.text.contains(message), "{}", ran.text);
    }
}
