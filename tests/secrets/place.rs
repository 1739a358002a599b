//! A playbook, an inventory of lab hosts and a state folder in which every secret is planted.

use crate::planted::{BROKEN, INLINE, OPS, OPS_PASSWORD, VAULT_PASSWORD, WHOLE};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const INVENTORY: &str = "
[lab]
h1 ansible_password=Ssh-01-pw/Lk92
h2

[lab:vars]
ansible_connection=lab
";

const HOST_VARS: &str = "
ansible_ssh_private_key_passphrase: Phrase-03-Mn40
api_token: Api-05-tok+Zz82
";

/// The tasks; `place` is a folder of each host's own.
const PLAYBOOK: &str = r#"
- name: Plant
  hosts: lab
  gather_facts: false
  rollback: {on: failure}
  vars_files: [whole.yml]
  tasks:
    - name: Make a folder
      file: {path: "{{ place }}", state: directory}
    - name: Old content
      copy: {dest: "{{ place }}/old", content: "Old-24-Lq98\n"}
      no_log: true
    - name: Files that hosts have
      copy: {src: "files/{{ item }}", dest: "{{ place }}/"}
      loop: [result, register, token, fail]
      no_log: true
    - name: Say what a user says while looking for a mistake
      debug:
        msg: "{{ ansible_password | default('') }} {{ db_password }} {{ api_token | default('') }} {{ inline }} {{ ops }}
          {{ whole_leaf }} {{ nested.deep }} {{ db_root_password }} {{ file_password }} {{ json_password }}
          {{ ansible_become_password }} {{ ansible_ssh_private_key_passphrase | default('') }}"
    - debug: {var: nested}
    - name: In other forms
      debug: {msg: "{{ db_password | b64encode }} {{ inline | urlencode }} {{ [inline, db_password] | to_json }} {{ ('user:' ~ inline) | b64encode }}"}
    - name: As keys
      debug: {msg: "{{ {inline: 1} }}"}
    - name: A name with {{ inline }} in it
      ping:
    - name: An argument
      command: echo Arg-15-Yt48
      no_log: true
    - name: A result
      command: cat {{ place }}/result
      no_log: true
    - name: Items
      command: echo {{ item }}
      loop: [Item-17-Be20, plain]
      no_log: true
    - name: Registered
      command: cat {{ place }}/register
      register: registered
      no_log: true
    - debug: {msg: "it is {{ registered.stdout }}"}
    - debug: {var: registered}
    - name: A fact
      set_fact: {quiet: Fact-19-Au75}
      no_log: true
    - debug: {var: quiet}
    - name: A template
      template: {src: secret.j2, dest: "{{ place }}/template"}
      no_log: true
    - name: Content
      copy: {dest: "{{ place }}/old", content: "Copy-21-Ke86\n"}
      no_log: true
    - name: Content that a vault has, with its diff
      copy: {dest: "{{ place }}/key", content: "{{ signing_key }}"}
    - name: An environment
      shell: 'test -n "$DB_PASSWORD" && sleep 0.05'
      environment: {DB_PASSWORD: Env-22-Rw17}
    - name: A URL
      get_url: {url: "http://user:Url-23-Fs52@127.0.0.1:1/file", dest: "{{ place }}/got"}
      ignore_errors: true
    - name: A header
      get_url:
        url: http://127.0.0.1:1/file
        dest: "{{ place }}/got"
        headers: {Authorization: "Bearer Basic-27-Dp60"}
      ignore_errors: true
    - name: A token
      slurp: {src: "{{ place }}/token"}
      register: token
      no_log: true
    - debug: {msg: "{{ token.content | b64decode }}"}
    - name: A failure
      shell: cat {{ place }}/fail >&2; exit 3
      no_log: true
      ignore_errors: true
    - name: A template that fails
      debug: {msg: "{{ broken | from_json }}"}
      ignore_errors: true
    - name: A condition that fails
      debug: {msg: x}
      when: broken | from_json
      ignore_errors: true
    - name: The end
      command: "{{ end | default('true') }}"
"#;

/// A place with everything in it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let group_vars = format!(
            "ansible_become_password: Become-02-Xr71\ndb_password: \"Db-04-\\\"p'w/Uu31\"\nplace: {}/{{{{ inventory_hostname }}}}\n\
             inline: {INLINE}\nbroken: {BROKEN}\nops: {OPS}\n",
            place.folder.path().join("hosts").display()
        );
        for (name, text) in [
            ("inventory.ini", INVENTORY),
            ("group_vars/lab.yml", &group_vars),
            ("host_vars/h1.yml", HOST_VARS),
            ("whole.yml", WHOLE),
            ("playbook.yml", PLAYBOOK),
            ("extra.yml", "file_password: Extra-12-Jk57\n"),
            ("become.pw", "Asked-14-Wd03\n"),
            ("vault.pw", VAULT_PASSWORD),
            ("files/result", "Result-16-Cv94\n"),
            ("files/register", "Reg-18-Ns63\n"),
            ("files/fail", "Fail-25-Vm34\n"),
            ("files/token", "K10node-28-Ez45::server:91\n"),
            ("templates/secret.j2", "pw = Tpl-20-Oi39\n"),
            (
                "targets",
                "http://127.0.0.1:1/hooks/Hook-32-path-Tj26\ncat >> notices\n",
            ),
            ("hook.token", "Hook-33-Yb95\n"),
            ("ops.sh", &format!("#!/bin/sh\necho {OPS_PASSWORD}\n")),
            ("hosts/none", ""),
        ] {
            place.file(name, text);
        }
        let script = place.folder.path().join("ops.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o700)).unwrap();
        place
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The state folder, and in it the lab: its hosts' own files are no output.
    pub(crate) fn state(&self) -> (PathBuf, PathBuf) {
        let state = self.folder.path().join("state");
        (state.clone(), state.join("lab"))
    }

    /// What a file beside the playbook holds.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    /// The program with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .current_dir(self.folder.path())
            .env("WINDLASS_STATE_DIR", self.state().0)
            .env("NO_COLOR", "1")
            .env_remove("ANSIBLE_VAULT_PASSWORD_FILE")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A run of the playbook with all secrets that are given on the command line.
    pub(crate) fn run(&self, more: &[&str]) -> Command {
        let mut arguments = vec![
            "run",
            "playbook.yml",
            "-i",
            "inventory.ini",
            "--vault-password-file",
            "vault.pw",
            "--vault-id",
            "ops@ops.sh",
            "--become-password-file",
            "become.pw",
            "-e",
            "db_root_password=Extra-11-Gh29",
            "-e",
            "@extra.yml",
            "-e",
            r#"{"json_password": "Extra-13-Pl66"}"#,
        ];
        arguments.extend(more);
        self.command(&arguments)
    }
}
