//! Results, loops, variables, delegation and secrets: what a task sees and leaves behind.

use crate::support::Place;

fn play(tasks: &str) -> String {
    format!("- hosts: all\n  gather_facts: false\n{tasks}")
}

#[test]
fn results_have_the_shape_of_the_reference() {
    let ran = Place::new(&["h1"]).run(&play(
        "
  tasks:
    - {command: 'echo {{ item }}', loop: [a, b], when: item != 'b', register: r}
    - debug: {msg: \"{{ r.results[0].stdout }} {{ r.results[1].skipped }} {{ r is skipped }} {{ r.results[0].item }}\"}
    - {command: 'true', loop: [], register: r}
    - debug: {msg: \"{{ r is skipped }} {{ r.results | length }}\"}
    - {command: '{{ item }}', loop: ['true', 'false', 'true'], ignore_errors: true, register: r}
    - debug: {msg: \"{{ r is failed }} {{ r.results | map(attribute='failed') | list | to_json }} {{ r.results[0].keys() | select('match', '_ansible') | list | length }}\"}
    - {command: 'false', ignore_errors: true, register: r}
    - debug: {msg: \"{{ r.msg }} {{ r.changed }}\"}
    - {command: 'true', register: r, changed_when: nosuch.thing, ignore_errors: true}
    - debug: {msg: \"{{ r is failed }} {{ r.rc }}\"}
    - {command: 'false', register: r, failed_when: false, changed_when: [true, r.rc == 2]}
    - debug: {msg: \"{{ r is failed }} {{ r is changed }}\"}
",
    ));
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(
        ran.said("h1"),
        [
            "a True False a",
            "True 0",
            "True [false, true, false] 0",
            "non-zero return code True",
            "True 0",
            "False False",
        ]
    );
    assert_eq!(ran.counts("h1"), [11, 4, 0, 0, 1, 0, 3]);
}

#[test]
fn retries_are_counted_as_the_reference_counts_them() {
    let ran = Place::new(&["h1"]).run(&play(
        "
  tasks:
    - {command: 'false', register: r, until: r.rc == 0, retries: 2, delay: 0, ignore_errors: true}
    - debug: {msg: '{{ r.attempts }} times'}
    - {command: 'true', register: r, until: r.rc == 0, delay: 0}
    - debug: {msg: '{{ r.attempts }} times'}
    - {command: 'false', register: r, retries: 1, delay: 0, ignore_errors: true}
    - debug: {msg: '{{ r.attempts }} times'}
",
    ));
    assert_eq!(
        ran.said("h1"),
        ["2 times", "1 times", "1 times"],
        "{}",
        ran.text
    );
    assert_eq!(ran.all("task_retried").len(), 3);
}

#[test]
fn includes_count_and_hand_their_variables_on() {
    let place = Place::new(&["h1", "h2"]);
    place.file(
        "a.yml",
        "- debug: {msg: \"{{ v | default('none') }} {{ item | default('-') }}\"}\n",
    );
    place.file("only_h1.yml", "- debug: {msg: only}\n");
    place.file("only_h2.yml", "- debug: {msg: two}\n");
    let ran = place.run(&play(
        "
  tasks:
    - set_fact: {v: fact}
    - {include_tasks: a.yml, vars: {v: handed}}
    - {include_tasks: a.yml, loop: [1, 2]}
    - {include_tasks: a.yml, when: inventory_hostname == 'h1'}
    - {include_tasks: {file: a.yml, apply: {vars: {v: weak}, when: inventory_hostname == 'h2'}}}
    - include_tasks: 'only_{{ inventory_hostname }}.yml'
    - {include_tasks: a.yml, run_once: true}
",
    ));
    assert_eq!(ran.code, 0, "{}", ran.text);
    let said = ["handed -", "fact 1", "fact 2", "fact -", "only", "fact -"];
    assert_eq!(ran.said("h1"), said);
    assert_eq!(
        ran.said("h2"),
        ["handed -", "fact 1", "fact 2", "fact -", "two"]
    );
    // One for each include that was done, beside the tasks.
    assert_eq!(ran.counts("h1"), [14, 0, 0, 0, 1, 0, 0]);
    assert_eq!(ran.counts("h2"), [11, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_roles_variables_are_checked_before_it_starts() {
    let place = Place::new(&["h1"]);
    place.file(
        "roles/r/meta/argument_specs.yml",
        "argument_specs:\n  main:\n    short_description: Main.\n    options:\n      must: {required: true}\n      n: {type: int}\n",
    );
    place.file("roles/r/meta/main.yml", "dependencies: [needed]\n");
    place.file("roles/needed/tasks/main.yml", "- debug: {msg: needed}\n");
    place.file("roles/r/tasks/main.yml", "- debug: {msg: in role}\n");
    let ran = place.run(&play(
        "
  roles: [{role: r, must: here}]
  tasks:
    - {include_role: {name: r, rolespec_validate: false}}
    - block:
        - {include_role: {name: r}, vars: {n: high}}
      rescue:
        - debug: {msg: '{{ ansible_failed_result.argument_errors | length }}: {{ ansible_failed_task.name }}'}
",
    ));
    assert_eq!(ran.code, 0, "{}", ran.text);
    let name = "Validating arguments against arg spec 'main' - Main.";
    let failed = format!("2: {name}");
    let said = ["needed", "in role", "needed", "in role", "needed", &failed];
    assert_eq!(ran.said("h1"), said);
    assert_eq!(ran.trace()[1], format!("r : {name}: h1=ok"));
}

#[test]
fn a_public_role_leaves_its_variables() {
    let place = Place::new(&["h1"]);
    place.file("roles/r/defaults/main.yml", "d: default\n");
    place.file("roles/r/tasks/main.yml", "[]\n");
    place.file(
        "roles/r/handlers/other.yml",
        "- name: hh\n  debug: {msg: handled}\n",
    );
    let ran = place.run(&play(
        "
  tasks:
    - include_role: {name: r}
    - debug: {msg: \"{{ d | default('hidden') }}\"}
    - include_role: {name: r, public: true, handlers_from: other}
    - debug: {msg: \"{{ d | default('hidden') }}\"}
    - {command: 'true', notify: hh}
",
    ));
    assert_eq!(
        ran.said("h1"),
        ["hidden", "default", "handled"],
        "{}",
        ran.text
    );
}

#[test]
fn variables_have_the_strength_of_the_reference() {
    let place = Place::new(&["h1"]);
    place.file("vars.yml", "d: file\n");
    place.file("more.yml", "g: included\nf: included\n");
    place.file("group_vars/all.yml", "a: group\nb: group\nrp: group\n");
    place.file("roles/r/defaults/main.yml", "a: default\nrd: default\n");
    place.file("roles/r/vars/main.yml", "e: role\nf: role\n");
    place.file(
        "roles/r/tasks/main.yml",
        "- debug: {msg: '{{ a }} {{ b }} {{ d }} {{ e }} {{ f }} {{ g }} {{ rp }} {{ rd }} {{ x }}'}\n",
    );
    let ran = place.run_with(
        &play(
            "
  vars: {b: play, d: play, e: play, f: play, g: play, x: play}
  vars_files: [vars.yml]
  roles: [{role: r, rp: param, e: param}]
  tasks:
    - include_vars: more.yml
    - debug: {msg: '{{ e }} {{ f }} {{ g }}'}
      vars: {e: task, f: task, g: task}
    - set_fact: {g: fact, x: fact}
    - {include_role: {name: r}, vars: {g: handed}}
",
        ),
        &["-e", "x=extra"],
    );
    assert_eq!(
        ran.said("h1"),
        [
            "group play file param role play param default extra",
            "task included included",
            "group play file role included handed group default extra",
        ],
        "{}",
        ran.text
    );
}

#[test]
fn tasks_are_delegated_and_facts_with_them() {
    let ran = Place::new(&["h1", "h2", "h3"]).run(
        "
- hosts: h1:h2
  gather_facts: false
  tasks:
    - {set_fact: {df: 'by {{ inventory_hostname }}'}, delegate_to: h3, delegate_facts: true, run_once: true}
    - debug: {msg: \"{{ hostvars.h3.df }} {{ df | default('none') }}\"}
    - {command: echo here, delegate_to: localhost, register: r}
    - debug: {msg: '{{ r.stdout }} {{ hostvars.h2.r.rc }}'}
- hosts: localhost
  gather_facts: false
  tasks: [{debug: {msg: local}}]
",
    );
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(ran.said("h2"), ["by h1 none", "here 0"]);
    assert_eq!(ran.said("localhost"), ["local"]);
}

#[test]
fn what_needs_no_host_runs_for_one_that_is_down() {
    let ran = Place::new(&["x1"]).run(&play(
        "
  tasks:
    - set_fact: {f: 1}
    - debug: {msg: 'f is {{ f }}'}
    - {command: 'true', ignore_unreachable: true, register: r}
    - debug: {msg: '{{ r.unreachable }} it is'}
    - command: 'true'
",
    ));
    assert_eq!(ran.said("x1"), ["f is 1", "True it is"], "{}", ran.text);
    assert_eq!((ran.code, ran.counts("x1")), (4, [4, 0, 1, 0, 0, 0, 1]));
}

#[test]
fn no_log_hides_everything_but_the_registered_result() {
    let place = Place::new(&["h1"]);
    let ran = place.run_with(
        &play(
            "
  tasks:
    - {command: echo topsecret1, no_log: true, register: r}
    - debug: {msg: \"{{ r.stdout == 'topsecret' ~ 1 }}\"}
    - {command: 'echo {{ item }}', loop: [topsecret2], no_log: true}
    - {copy: {dest: '{{ place }}/f', content: topsecret3}, no_log: true, diff: true}
    - {command: \"sh -c 'echo topsecret4 >&2; exit 1'\", no_log: true, ignore_errors: true}
    - {fail: {msg: topsecret5}, no_log: true}
",
        ),
        &["-vvv"],
    );
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert_eq!(ran.said("h1").len(), 1);
    let shown = ran.text.replace("topsecret' ~ 1", "");
    assert!(!shown.contains("topsecret"), "{shown}");
    assert!(
        ran.recap("h1")["reason"]
            .as_str()
            .unwrap()
            .contains("no_log")
    );
}
