//! Whole playbooks: what is read from them, and what is said of their mistakes.

use super::ast::{Action, Item, Task};
use super::loader::{RoleRequest, TaskRequest};
use super::test_catalog::{folder, load, loader, mistakes, shown, tasks};
use super::{Playbook, task_list};
use crate::source::Span;
use crate::template::Variables;
use serde_json::json;

fn of(files: &[(&'static str, String)]) -> Playbook {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    load(&files).unwrap()
}

fn wrong(text: &str) -> String {
    let files = tasks(text);
    mistakes(&[(files[0].0, &files[0].1)])
}

fn first(playbook: &Playbook) -> &Task {
    match &playbook.plays[0].tasks[0] {
        Item::Task(task) => task,
        Item::Block(_) => panic!("a block"),
    }
}

fn params(text: &str) -> serde_json::Value {
    match &first(&of(&tasks(text))).action {
        Action::Module { params, .. } => params.to_value(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn five_mistakes_are_five_diagnostics() {
    let text = "
- hosts: all
  gather_fatcs: false
  tasks:
    - name: misspelt module
      cpoy: {src: a, dest: /b}
    - name: misspelt parameter
      copy: {src: a, dset: /b}
    - name: no such handler
      debug: {msg: hi}
      notify: restart kubelt
    - name: wrong value
      copy: {src: a, dest: /b, state: absnt}
  handlers:
    - name: restart kubelet
      debug: {msg: restarted}
";
    insta::assert_snapshot!(mistakes(&[("site.yml", text)]), @"
    site.yml:3:3: `gather_fatcs` is not a keyword of a play (did you mean `gather_facts`?) [unknown-keyword]
    site.yml:6:7: module `cpoy` is not supported (did you mean `copy`?) [unknown-module]
    site.yml:8:22: `copy` has no parameter `dset` (did you mean `dest`?) [unknown-parameter]
    site.yml:11:15: no handler is called `restart kubelt` or listens to it (did you mean `restart kubelet`?) [unknown-handler]
    site.yml:13:39: `state` cannot be `absnt` (did you mean `absent`?) [not-a-choice]
    ");
}

#[test]
fn a_diagnostic_shows_line_and_caret() {
    let folder = folder(&[(
        "site.yml",
        "- hosts: all\n  tasks:\n    - debg: {msg: hi}\n",
    )]);
    let found = loader()
        .playbook(&folder.path().join("site.yml"))
        .unwrap_err();
    let text = found.iter().next().unwrap().render(false);
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(text, @"
    error[unknown-module]: module `debg` is not supported
     --> site.yml:3:7
      |
    3 |     - debg: {msg: hi}
      |       ^^^^
      |
      = help: did you mean `debug`?
    ");
}

#[test]
fn parameters_become_one_mapping_by_canonical_names() {
    let cases = [
        (
            "- copy: src=a path='/b c' mode=0644",
            json!({"src": "a", "dest": "/b c", "mode": "0644"}),
        ),
        (
            "- copy: {src: a}\n  args: {dest: /b}",
            json!({"dest": "/b", "src": "a"}),
        ),
        (
            "- command: ls -l  \"a b\" chdir=/tmp x=1",
            json!({"chdir": "/tmp", "cmd": "ls -l  \"a b\" x=1"}),
        ),
        (
            "- command: ls\n  args:\n    creates: /x",
            json!({"creates": "/x", "cmd": "ls"}),
        ),
        ("- copy: \"{{ options }}\"", json!("{{ options }}")),
        ("- copy:\n  args: \"{{ options }}\"", json!("{{ options }}")),
        (
            "- action: copy src=a dest=/b",
            json!({"src": "a", "dest": "/b"}),
        ),
        (
            "- action: {module: copy, src: a, dest: /b}",
            json!({"src": "a", "dest": "/b"}),
        ),
        (
            "- ansible.builtin.set_fact: {a: 1, b: [x]}",
            json!({"a": 1, "b": ["x"]}),
        ),
        (
            "- set_fact: a=1 b={{ c | default('d e') }}",
            json!({"a": "1", "b": "{{ c | default('d e') }}"}),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(params(text), expected, "{text}");
    }
}

#[test]
fn each_mistake_in_a_task_is_said() {
    let cases = [
        (
            "- debug: {}\n  copy: {dest: /x}",
            "site.yml:4:7: a task does one thing, this one has `debug` and `copy` (make two tasks of it; a block gives both the same keywords) [two-modules]",
        ),
        (
            "- name: x",
            "site.yml:3:7: the task has no module (name a module and its parameters, such as `debug: {msg: hello}`) [no-module]",
        ),
        (
            "- debug:\n  whenn: x",
            "site.yml:4:7: `whenn` is not a keyword of a task (did you mean `when`?) [unknown-keyword]",
        ),
        (
            "- copy: {src: a}",
            "site.yml:3:7: `copy` needs `dest` [missing-parameter]",
        ),
        (
            "- copy: {dest: /a, backup: perhaps}",
            "site.yml:3:32: `backup` must be a boolean [wrong-type]",
        ),
        (
            "- community.general.ufw: {}",
            "site.yml:3:7: module `community.general.ufw` is not supported [unknown-module]",
        ),
        (
            "- include: x.yml",
            "site.yml:3:7: `include` was removed from Ansible (use `include_tasks`, or `import_tasks` for a file known before the run) [unsupported-module]",
        ),
        (
            "- debug:\n  async: 10",
            "site.yml:4:7: `async` is not supported yet [unsupported-keyword]",
        ),
        (
            "- debug:\n  register: a-b",
            "site.yml:4:17: `a-b` cannot name a registered variable (letters, digits and underscores, no digit first, and no reserved word of Python) [variable-name]",
        ),
        (
            "- debug:\n  loop: abc",
            "site.yml:4:13: `loop` must be a list [wrong-type]",
        ),
        (
            "- meta: flush_handler",
            "site.yml:3:13: `meta: flush_handler` is not supported (did you mean `flush_handlers`?) [unknown-meta]",
        ),
        (
            "- include_tasks: none.yml\n  become: true",
            "site.yml:3:22: there is no file of tasks `none.yml` (looked beside `site.yml`, in the role and beside the playbook) [missing-file]\nsite.yml:4:7: `become` is not a keyword of an include (put `become` under `apply` to give it to the included tasks) [unknown-keyword]",
        ),
        (
            "- import_tasks: '{{ x }}.yml'",
            "site.yml:3:21: `import_tasks` must be known before the run (use `include_tasks` for a file that is known only at run time) [template-in-import]",
        ),
        (
            "- command: echo it's",
            "site.yml:3:23: a quote or a template is opened and never closed (close it, or write a backslash before it) [unbalanced-quotes]",
        ),
        (
            "- rescue: []",
            "site.yml:3:7: `rescue` stands beside no `block` [no-block]",
        ),
    ];
    let found: Vec<_> = cases.iter().map(|(text, _)| wrong(text)).collect();
    assert_eq!(found, cases.map(|(_, expected)| expected));
}

#[test]
fn each_mistake_in_a_play_is_said() {
    let cases = [
        (
            "strategy: free",
            "site.yml:2:13: the strategy `free` is not supported (`linear` is the only one) [unsupported-strategy]",
        ),
        (
            "vars_prompt: []",
            "site.yml:2:3: `vars_prompt` is not supported yet [unsupported-keyword]",
        ),
        (
            "order: sortd",
            "site.yml:2:10: `order` cannot be `sortd` (did you mean `sorted`?) [not-a-choice]",
        ),
        (
            "rollback: {on: never, deadman: 60}",
            "site.yml:2:34: `deadman` takes hosts back, and `on: never` forbids that (write `on: failure`, or leave `deadman` out) [conflicting-keywords]",
        ),
        (
            "rollback: true",
            "site.yml:2:13: `rollback` must be a mapping (write `rollback: {on: failure}` or `rollback: {on: never}`) [wrong-type]",
        ),
        (
            "collections: [community.general]",
            "site.yml:2:16: `collections` can list `ansible.builtin` only (collections are not supported yet) [unsupported-keyword]",
        ),
        (
            "vars: {a-b: 1}",
            "site.yml:2:10: `a-b` cannot name a variable (letters, digits and underscores, no digit first, and no reserved word of Python) [variable-name]",
        ),
        (
            "serial: [1, many]",
            "site.yml:2:15: `serial` must be a number, a percentage or a list of these [wrong-type]",
        ),
        (
            "roles: [netwrk]",
            "site.yml:2:11: there is no role `netwrk` (did you mean `network`?) [unknown-role]",
        ),
        (
            "vars_files: [none.yml]",
            "site.yml:2:16: there is no file of variables `none.yml` [missing-file]",
        ),
    ];
    for (text, expected) in cases {
        let play = format!("- hosts: all\n  {text}\n");
        let found = mistakes(&[("site.yml", &play), ("roles/network/tasks/main.yml", "")]);
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn rollback_reads_an_unquoted_on() {
    let play = "- hosts: all\n  rollback:\n    on: never\n    verify: verify.yml\n";
    let playbook = load(&[("site.yml", play), ("verify.yml", "- debug: {msg: up}\n")]).unwrap();
    let rollback = playbook.plays[0].rollback.as_ref().unwrap();
    assert!(!rollback.on_failure);
    assert_eq!(rollback.verify.len(), 1);
}

#[test]
fn roles_bring_dependencies_variables_and_handlers() {
    let files = [
        (
            "site.yml",
            "- hosts: all\n  roles:\n    - {role: web, http_port: 80, tags: [w]}\n    - base\n    - base\n",
        ),
        ("roles/web/meta/main.yml", "dependencies: [base]\n"),
        ("roles/web/defaults/main/10.yml", "a: 1\nb: 1\n"),
        ("roles/web/defaults/main/20.yml", "b: 2\n"),
        ("roles/web/vars/main.yml", "c: 3\n"),
        (
            "roles/web/tasks/main.yml",
            "- import_tasks: sub/more.yml\n  when: c\n  notify: again\n",
        ),
        (
            "roles/web/tasks/sub/more.yml",
            "- debug: {msg: more}\n- debug:\n  notify: restart\n",
        ),
        (
            "roles/web/handlers/main.yml",
            "- name: restart\n  listen: again\n  debug:\n",
        ),
        ("roles/base/tasks/main.yaml", "- debug: {msg: base}\n"),
    ];
    let playbook = load(&files).unwrap();
    let play = &playbook.plays[0];
    let names: Vec<_> = play
        .role_list
        .iter()
        .map(|role| role.name.as_str())
        .collect();
    assert_eq!(names, ["base", "web", "base"]);
    let web = &play.role_list[1];
    assert_eq!(web.defaults.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(web.params.contains_key("http_port") && web.vars.contains_key("c"));
    assert_eq!(
        play.role_list[0]
            .parent
            .as_ref()
            .unwrap()
            .upgrade()
            .unwrap()
            .name,
        "web"
    );
    let listed = task_list(&playbook);
    let shown: Vec<_> = listed
        .iter()
        .map(|each| {
            let path = each.task.path();
            let file = path.rsplit("roles/").next().unwrap().to_owned();
            (file, each.tags.clone(), each.task.notify.len())
        })
        .collect();
    let w = vec!["w".to_owned()];
    assert_eq!(
        shown,
        [
            ("base/tasks/main.yaml:1".to_owned(), w.clone(), 0),
            ("web/tasks/sub/more.yml:1".to_owned(), w.clone(), 1),
            ("web/tasks/sub/more.yml:2".to_owned(), w, 1),
            ("base/tasks/main.yaml:1".to_owned(), Vec::new(), 0),
        ]
    );
    assert_eq!(listed[2].task.notify[0].as_str(), Some("restart"));
    assert_eq!(play.handlers.len(), 1);
}

#[test]
fn mistakes_of_all_files_are_said_at_once() {
    let files = [
        (
            "site.yml",
            "- import_playbook: other.yml\n- hosts: all\n  roles: [web]\n  tasks:\n    - include_tasks: inc.yml\n    - include_role: {name: extra}\n    - include_tasks: none.yml\n      when: later\n",
        ),
        ("other.yml", "- tasks: []\n"),
        ("inc.yml", "- debug: {mgs: x}\n"),
        ("roles/web/tasks/main.yml", "- cpoy:\n"),
        ("roles/extra/tasks/main.yml", "- debug: {verbosity: high}\n"),
    ];
    assert_eq!(
        mistakes(&files),
        "other.yml:1:3: the play has no `hosts` (name a group, a host or a pattern such as `all`) [no-hosts]\n\
         roles/web/tasks/main.yml:1:3: module `cpoy` is not supported (did you mean `copy`?) [unknown-module]\n\
         inc.yml:1:11: `debug` has no parameter `mgs` (did you mean `msg`?) [unknown-parameter]\n\
         roles/extra/tasks/main.yml:1:22: `verbosity` must be a whole number [wrong-type]"
    );
}

#[test]
fn imported_plays_inherit_and_cycles_end() {
    let files = [
        (
            "site.yml",
            "- import_playbook: sub/other.yml\n  when: go\n  tags: t\n  vars: {a: 1}\n",
        ),
        (
            "sub/other.yml",
            "- hosts: all\n  vars: {a: 2, b: 3}\n  tasks:\n    - debug:\n",
        ),
    ];
    let playbook = load(&files).unwrap();
    let play = &playbook.plays[0];
    assert_eq!(play.keywords.when[0].as_str(), Some("go"));
    assert_eq!(play.keywords.tags[0].as_str(), Some("t"));
    assert!(play.folder.ends_with("sub"));
    let crate::template::Variable::Source(a) = &play.keywords.vars["a"] else {
        panic!("not from a file")
    };
    assert_eq!(a.to_value(), json!(1));
    assert_eq!(
        mistakes(&[
            (
                "site.yml",
                "- hosts: all\n  tasks:\n    - import_tasks: a.yml\n"
            ),
            ("a.yml", "- import_tasks: a.yml\n"),
        ]),
        "a.yml:1:17: `a.yml` imports itself (use `include_tasks` with a `when` that ends it) [import-cycle]"
    );
}

#[test]
fn an_include_that_could_bring_handlers_silences_the_check() {
    for include in [
        "- include_tasks: '{{ x }}'",
        "- include_role: {name: '{{ x }}'}",
    ] {
        of(&tasks(&format!("{include}\n- debug:\n  notify: later")));
    }
    assert!(wrong("- debug:\n  notify: later").contains("[unknown-handler]"));
}

#[test]
fn includes_are_loaded_at_run_time() {
    let folder = folder(&[
        ("roles/web/tasks/install.yml", "- debug: {msg: in}\n"),
        ("roles/web/handlers/main.yml", "- name: h\n  debug:\n"),
        (
            "roles/web/meta/argument_specs.yml",
            "argument_specs:\n  install:\n    options:\n      v: {required: true}\n",
        ),
        ("more.yml", "- debug:\n- name: two\n  debug:\n"),
    ]);
    let loader = loader();
    let span = Span::synthetic("<test>", "web");
    let request = RoleRequest {
        params: Variables::new(),
        tasks_from: Some("install".to_owned()),
        vars_from: None,
        defaults_from: None,
        handlers_from: None,
        playbook_folder: folder.path(),
        parent: None,
        notify: &[],
        span: &span,
    };
    let load = loader.role("web", &request).unwrap();
    assert_eq!((load.items.len(), load.handlers.len()), (1, 1));
    let spec = load.role.argument_spec.as_ref().unwrap();
    assert_eq!(
        spec.check(&serde_json::Map::new()),
        ["missing required arguments: v"]
    );
    let tasks = TaskRequest {
        file: "more.yml",
        folder: folder.path(),
        playbook_folder: folder.path(),
        role: Some(load.role.clone()),
        handlers: false,
        notify: &[],
        span: &span,
    };
    let items = loader.tasks(&tasks).unwrap().items;
    assert_eq!(items.len(), 2);
    let Item::Task(task) = &items[1] else {
        panic!("a block")
    };
    assert_eq!(task.display_name(), "two");
    assert_eq!(task.role.as_ref().unwrap().name, "web");
    let missing = loader.role("wbe", &request).unwrap_err();
    assert_eq!(
        shown(folder.path(), &missing),
        "<test>:1:1: there is no role `wbe` (did you mean `web`?) [unknown-role]"
    );
}
