//! Ten ordinary tasks, as a playbook and as the shell script that one would write instead.
//!
//! Each host of an inventory works in a folder of its own below `folder`, so that many names may share one machine. The
//! state of a service is asked of a stand-in for `systemctl`: the machine may not run
//! systemd, and a benchmark must not restart its services. The stand-in answers at once, so the price of systemd itself
//! is in none of the numbers.

use anyhow::Result;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The names of `count` hosts.
pub(crate) fn names(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("host{number:03}"))
        .collect()
}

/// Writes the playbook, its template and the stand-in into `folder`.
pub(crate) fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("bin"))?;
    fs::write(
        folder.join("ten.yml"),
        PLAYBOOK.replace("@FOLDER@", &folder.display().to_string()),
    )?;
    fs::write(folder.join("app.conf.j2"), TEMPLATE)?;
    let systemctl = folder.join("bin/systemctl");
    fs::write(&systemctl, SYSTEMCTL)?;
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Removes what the tasks have made, so that the next run changes everything again.
pub(crate) fn forget(folder: &Path) -> Result<()> {
    for made in ["hosts", "undo"] {
        let made = folder.join(made);
        if made.exists() {
            fs::remove_dir_all(made)?;
        }
    }
    Ok(())
}

const PLAYBOOK: &str = r#"- name: ten tasks
  hosts: all
  gather_facts: false
  vars:
    home: "@FOLDER@/hosts/{{ inventory_hostname }}"
  tasks:
    - name: a folder
      file:
        path: "{{ home }}"
        state: directory
        mode: "0755"
    - name: a file
      copy:
        content: "this is {{ inventory_hostname }}\n"
        dest: "{{ home }}/motd"
        mode: "0644"
    - name: a template
      template:
        src: app.conf.j2
        dest: "{{ home }}/app.conf"
        mode: "0640"
    - name: a command
      command: cat "{{ home }}/motd"
      register: motd
      changed_when: false
    - name: what is there
      stat:
        path: "{{ home }}/app.conf"
      register: conf
    - name: a pipe
      shell: sort app.conf | wc -l | tr -d ' '
      args:
        chdir: "{{ home }}"
      register: lines
      changed_when: false
    - name: a fact
      set_fact:
        line_count: "{{ lines.stdout | int }}"
    - name: a check
      assert:
        that:
          - conf.stat.exists
          - line_count | int == 22
          - inventory_hostname in motd.stdout
        quiet: true
    - name: a service
      systemd:
        name: bench
        state: started
      environment:
        PATH: "@FOLDER@/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    - name: a link
      file:
        src: "{{ home }}/app.conf"
        dest: "{{ home }}/current.conf"
        state: link
"#;

const TEMPLATE: &str = "\
# made for {{ inventory_hostname }}
{% for number in range(20) %}
option{{ number }} = {{ number * 2 }}
{% endfor %}
end = {{ inventory_hostname | upper }}
";

const SYSTEMCTL: &str = r#"#!/bin/sh
# Stands in for systemd: one unit that runs.
case " $* " in
  *" show "*) printf '%s\n' Id=bench.service LoadState=loaded ActiveState=active SubState=running UnitFileState=enabled ;;
  *" is-enabled "*) echo enabled ;;
  *" is-active "*) echo active ;;
  *) echo "not expected: systemctl $*" >&2; exit 1 ;;
esac
"#;
