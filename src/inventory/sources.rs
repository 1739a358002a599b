//! What `-i` names: files, folders of sources and lists of hosts.
//!
//! This file knows where sources lie and which notation each is in; it must not know the notations.

use super::draft::Draft;
use super::model::Inventory;
use super::vars_files::{self, VarsFolder, listing, source_of};
use super::{ini, yaml_file};
use crate::source::{Diagnostic, Diagnostics, Span, did_you_mean};
use crate::template::learn_variables;
use crate::vault::Vault;
use indexmap::IndexMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files in a folder of sources that are none, by ending (Ansible's `INVENTORY_IGNORE_EXTS`).
const IGNORED_ENDINGS: [&str; 11] = [
    ".pyc", ".pyo", ".swp", ".bak", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Entries of a folder of sources that are none, by name; the last two are what Kubespray leaves there.
const IGNORED_NAMES: [&str; 5] = [
    "group_vars",
    "host_vars",
    "vars_plugins",
    "artifacts",
    "credentials",
];

/// Reads all `sources` and the variables beside them and beside the playbook.
///
/// All mistakes of all files are collected before it gives up. Warnings are in [`Inventory::warnings`].
pub fn load(sources: &[String], playbook_dir: Option<&Path>) -> Result<Inventory, Diagnostics> {
    load_with(sources, playbook_dir, &Arc::default())
}

/// The same; files that are encrypted as a whole are opened by `vault`.
pub fn load_with(
    sources: &[String],
    playbook_dir: Option<&Path>,
    vault: &Arc<Vault>,
) -> Result<Inventory, Diagnostics> {
    let mut draft = Draft::new(vault.clone());
    let mut folders: Vec<PathBuf> = Vec::new();
    for source in sources {
        let path = Path::new(source);
        if path.is_dir() {
            folder(path, &mut draft);
            folders.push(path.to_owned());
        } else if path.exists() {
            file(path, &mut draft);
            folders.push(path.parent().unwrap_or(Path::new("")).to_owned());
        } else if source.contains(',') {
            list(source, &mut draft);
        } else {
            draft.problems.push(missing(source));
        }
        draft.inventory.sources.push(path.to_owned());
    }
    let mut read: IndexMap<PathBuf, Arc<VarsFolder>> = IndexMap::new();
    for folder in &folders {
        let key = canonical(folder);
        // A folder named twice counts where it is named last.
        let known = read.shift_remove(&key);
        let vars = known.unwrap_or_else(|| variables(folder, &mut draft));
        read.insert(key, vars);
    }
    draft.inventory.playbook = playbook_dir.map(|folder| {
        let known = read.get(&canonical(folder)).cloned();
        known.unwrap_or_else(|| variables(folder, &mut draft))
    });
    draft.inventory.beside = read.into_values().collect();
    let secrets = vault.secrets();
    for group in draft.inventory.groups.values() {
        learn_variables(&group.own, secrets);
    }
    for host in draft.inventory.hosts.values() {
        learn_variables(&host.own, secrets);
    }
    draft.finish()
}

fn variables(folder: &Path, draft: &mut Draft) -> Arc<VarsFolder> {
    Arc::new(vars_files::read(
        folder,
        &draft.inventory,
        &draft.vault,
        &mut draft.problems,
    ))
}

/// One name for a folder however it was written.
fn canonical(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn missing(source: &str) -> Diagnostic {
    let path = Path::new(source);
    let neighbours: Vec<String> = path
        .parent()
        .map(canonical)
        .and_then(|parent| std::fs::read_dir(parent).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let problem = Diagnostic::error("inventory-missing", format!("no inventory at `{source}`")).at(
        &Span::synthetic("<command line>", source),
        "no such file or folder",
    );
    match did_you_mean(name, neighbours.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!(
            "did you mean `{}`?",
            path.with_file_name(near).display()
        )),
        None => problem.hint(format!("a list of hosts needs a comma: `-i {source},`")),
    }
}

/// `web1,web2,`.
fn list(source: &str, draft: &mut Draft) {
    draft.file = None;
    let span = Span::synthetic("<command line>", source);
    let mut start = 0;
    for part in source.split(',') {
        let name = part.trim();
        if !name.is_empty() {
            let at = start + (part.len() - part.trim_start().len());
            draft.hosts(name, "ungrouped", &span.part(at, at + name.len()));
        }
        start += part.len() + 1;
    }
}

/// Each entry of a folder is a source of its own, in the order of the names.
fn folder(path: &Path, draft: &mut Draft) {
    for entry in listing(path, &mut draft.problems) {
        if !is_source(&entry) {
            continue;
        }
        if entry.is_dir() {
            folder(&entry, draft);
        } else {
            file(&entry, draft);
        }
    }
}

/// Whether an entry of a folder of sources is one, by its name.
pub(super) fn is_source(entry: &Path) -> bool {
    let name = entry.file_name().unwrap_or_default().to_string_lossy();
    !IGNORED_NAMES.contains(&name.as_ref())
        && !IGNORED_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn file(path: &Path, draft: &mut Draft) {
    let Some(source) = source_of(path, &draft.vault, &mut draft.problems) else {
        return;
    };
    draft.file = Some(path.to_owned());
    let text = source.text();
    let refused = if text.starts_with("#!") {
        Some(("inventory scripts are not supported yet", 2))
    } else if path.extension().is_some_and(|ending| ending == "toml") {
        Some(("TOML inventories are not supported yet", 0))
    } else {
        None
    };
    if let Some((message, length)) = refused {
        draft.problems.push(
            Diagnostic::error("inventory-kind", message)
                .at(&Span::new(source.clone(), 0, length), "")
                .hint("write the hosts as an INI or YAML inventory"),
        );
        return;
    }
    if is_yaml(path, text) {
        yaml_file::read(&source, draft);
    } else {
        ini::read(&source, draft);
    }
}

/// By the file's ending; without one that tells, by the first line that says something.
fn is_yaml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => return true,
        Some("ini") => return false,
        _ => {}
    }
    let first = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim_end())
        .find(|line| !line.is_empty() && !line.trim_start().starts_with(['#', ';']));
    first.is_some_and(|line| {
        line == "---"
            || line.starts_with(['{', '%'])
            || (line.ends_with(':') && !line.contains(['[', '=']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Key;
    use serde_json::json;
    use std::fs;
    use tempfile::TempDir;

    /// A folder with these files.
    fn tree(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn load_in(
        folder: &TempDir,
        sources: &[&str],
        playbook: Option<&str>,
    ) -> Result<Inventory, Diagnostics> {
        let sources: Vec<String> = sources
            .iter()
            .map(|name| folder.path().join(name).display().to_string())
            .collect();
        load(
            &sources,
            playbook.map(|name| folder.path().join(name)).as_deref(),
        )
    }

    /// The texts without the temporary folder's name.
    fn texts<'a>(folder: &TempDir, found: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<String> {
        let prefix = format!("{}/", folder.path().display());
        found
            .into_iter()
            .map(|each| each.to_string().replace(&prefix, ""))
            .collect()
    }

    #[test]
    fn a_folder_is_read_in_order_of_names_without_what_is_no_source() {
        let folder = tree(&[
            ("inv/02.yml", "web:\n  hosts:\n    b:\n"),
            ("inv/01", "[web]\na\n"),
            ("inv/sub/03", "[db]\nc\n"),
            ("inv/artifacts/admin.conf", "not an inventory at all ]["),
            ("inv/.hidden", "]["),
            ("inv/01~", "]["),
            ("inv/old.bak", "]["),
            ("inv/ansible.cfg", "]["),
            ("inv/group_vars/web.yml", "x: 1\n"),
        ]);
        let found = load_in(&folder, &["inv"], None).unwrap();
        assert_eq!(found.hosts_in("all"), ["a", "b", "c"]);
        assert_eq!(found.host_json("b").unwrap(), json!({"x": 1}));
        let file = found.hosts["b"].file.as_deref();
        assert_eq!(file, Some(folder.path().join("inv/02.yml").as_path()));
        assert!(found.warnings.is_empty());
    }

    #[test]
    fn the_notation_is_told_from_the_first_line() {
        let cases = [
            ("hosts", "web:\n  hosts:\n    a:\n", true),
            ("hosts", "# c\n---\n", true),
            ("hosts", "{\"all\": {}}", true),
            ("hosts", "[web]\na\n", false),
            ("hosts", "\n; c\na x=1\n", false),
            ("prod.ini", "---\n", false),
            ("prod.yml", "a\n", true),
        ];
        for (name, text, expected) in cases {
            assert_eq!(is_yaml(Path::new(name), text), expected, "{name} {text}");
        }
    }

    /// `ansible-vault encrypt` of `a: file-leaf-1` and `b: [x, {c: file-leaf-2}]`, with the password `testpw`.
    const WHOLE: &str = "$ANSIBLE_VAULT;1.1;AES256
38356566646636366635646564643966346366363763326332636337336330356639303764633364
6233316332376638646233646138633862636236373338350a303030363932356639623836313632
61376233373933386536626565653231346564623261356266363138646335366664356535666437
3039333037353534320a353934616532646336666632366533303461386435653135303131393931
35306235653936646364393239616537333233346638333837666334393538346536616465663562
6231396131636337363839333639613537366336663139383734
";

    #[test]
    fn encrypted_files_are_opened_and_their_values_are_secrets() {
        let folder = tree(&[
            ("hosts", "[web]\nh ansible_password=hunter2\n"),
            ("group_vars/web.yml", WHOLE),
        ]);
        let vault = Arc::new(Vault::new(
            vec![Key::new("default", b"testpw")],
            Arc::default(),
        ));
        let sources = [folder.path().join("hosts").display().to_string()];
        let found = load_with(&sources, None, &vault).unwrap();
        assert_eq!(
            found.host_json("h").unwrap()["b"],
            json!(["x", {"c": "file-leaf-2"}])
        );
        assert_eq!(
            vault.secrets().text("file-leaf-1 file-leaf-2 hunter2"),
            "******** ******** ********"
        );
    }

    #[test]
    fn a_list_of_hosts_is_a_source() {
        let found = load(&["web[1:2], 10.0.0.1:22,".to_owned()], None).unwrap();
        assert_eq!(found.hosts_in("ungrouped"), ["web1", "web2", "10.0.0.1"]);
        assert_eq!(
            found.host_json("10.0.0.1").unwrap(),
            json!({"ansible_port": 22})
        );
        let found = load(&["a,b[2:1]".to_owned()], None).unwrap_err();
        assert!(
            found
                .to_string()
                .starts_with("<command line>:1:3: host range")
        );
    }

    #[test]
    fn sources_that_can_not_be_read_are_refused() {
        let folder = tree(&[
            ("script.sh", "#!/bin/sh\necho '{}'\n"),
            ("hosts.toml", "[web]\n"),
            ("hosts.ini", "a\n"),
            ("vault", "$ANSIBLE_VAULT;1.1;AES256\n30310a30320a3033\n"),
        ]);
        let found = load_in(
            &folder,
            &["script.sh", "hosts.toml", "vault", "host.ini"],
            None,
        )
        .unwrap_err();
        let texts = texts(&folder, &found);
        assert_eq!(
            texts[0],
            "script.sh:1:1: inventory scripts are not supported yet"
        );
        assert_eq!(
            texts[1],
            "hosts.toml:1:1: TOML inventories are not supported yet"
        );
        assert_eq!(
            texts[2],
            "vault:1:1: it is vaulted, and no vault password is given"
        );
        assert!(
            texts[3].contains("no inventory at `host.ini`"),
            "{}",
            texts[3]
        );
        let last = found.iter().last().unwrap();
        assert!(last.hints[0].ends_with("/hosts.ini`?"), "{:?}", last.hints);
    }

    #[test]
    fn variables_win_in_ansibles_order() {
        // Each step adds one stronger place for `x`; the value is the place's name.
        let steps = [
            (
                "inv/hosts",
                "[all:vars]\nx=all\n[web]\nh\n[top:children]\nweb\n[web2]\nh\n",
            ),
            (
                "inv/hosts",
                "[all:vars]\nx=all\n[top:vars]\nx=top\n[web]\nh\n[top:children]\nweb\n[web2]\nh\n",
            ),
            ("inv/group_vars/all.yml", "x: inv_all\n"),
            ("play/group_vars/all/main.yml", "x: play_all\n"),
            ("inv/group_vars/top.yml", "x: inv_top\n"),
            ("inv/group_vars/web.yml", "x: inv_web\n"),
            ("inv/group_vars/web2.json", "{\"x\": \"inv_web2\"}"),
            ("play/group_vars/top", "x: play_top\n"),
            ("play/group_vars/web.yaml", "x: play_web\n"),
            (
                "inv/hosts",
                "[all:vars]\nx=all\n[top:vars]\nx=top\n[web]\nh x=host\n[top:children]\nweb\n[web2]\nh\n",
            ),
            ("inv/host_vars/h.yml", "x: inv_host\n"),
            ("play/host_vars/h/a/b.yml", "x: play_host\n"),
        ];
        let expected = [
            "all",
            "top",
            "inv_all",
            "play_all",
            "inv_top",
            "inv_web",
            "inv_web",
            "play_top",
            "play_web",
            "host",
            "inv_host",
            "play_host",
        ];
        let folder = tree(&[("play/site.yml", "[]\n")]);
        for ((name, text), expected) in steps.into_iter().zip(expected) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            let found = load_in(&folder, &["inv/hosts"], Some("play")).unwrap();
            // `web` is below `top`, so it is deeper than `web2` and wins over it.
            assert_eq!(
                found.host_json("h").unwrap()["x"],
                json!(expected),
                "{name}"
            );
            assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        }
    }

    #[test]
    fn groups_on_one_level_go_by_priority_then_name() {
        let hosts = "[a]\nh\n[b]\nh\n[a:vars]\nx=a\n[b:vars]\nx=b\n";
        let folder = tree(&[
            ("plain", hosts),
            (
                "ranked",
                &format!("{hosts}[a:vars]\nansible_group_priority=10\n"),
            ),
        ]);
        for (name, expected) in [("plain", "b"), ("ranked", "a")] {
            let found = load_in(&folder, &[name], None).unwrap();
            assert_eq!(
                found.host_json("h").unwrap(),
                json!({"x": expected}),
                "{name}"
            );
        }
    }

    #[test]
    fn hosts_added_by_the_run_get_their_group_files() {
        let folder = tree(&[("hosts", "h\n"), ("group_vars/os_debian.yml", "pkg: apt\n")]);
        let mut found = load_in(&folder, &["hosts"], None).unwrap();
        assert_eq!(texts(&folder, &found.warnings).len(), 1);
        found.add_host("h", &["os_debian".to_owned()], indexmap::IndexMap::new());
        found.finish();
        assert_eq!(found.groups_of("h"), ["os_debian"]);
        assert_eq!(found.host_json("h").unwrap(), json!({"pkg": "apt"}));
        assert!(found.hosts_in("ungrouped").is_empty());
    }

    #[test]
    fn files_for_nobody_and_shadowed_files_are_warned_of() {
        let folder = tree(&[
            ("hosts", "[web]\nweb1.lan\n"),
            ("group_vars/wbe.yml", "a: 1\n"),
            ("group_vars/web/x.yml", "b: 1\n"),
            ("group_vars/web.yml", "b: 2\n"),
            ("group_vars/README.md", "text: [\n"),
            ("host_vars/web1.lan", "c: 1\n"),
            ("host_vars/localhost.yml", "d: 1\n"),
        ]);
        let found = load_in(&folder, &["hosts"], None).unwrap();
        assert_eq!(
            found.host_json("web1.lan").unwrap(),
            json!({"b": 1, "c": 1})
        );
        assert_eq!(
            found.host_json("localhost").unwrap(),
            json!({"ansible_connection": "local", "d": 1})
        );
        let texts = texts(&folder, &found.warnings);
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert_eq!(
            texts[0],
            "group_vars/web.yml:1:1: group_vars/web.yml is not read"
        );
        assert!(
            texts[1].contains("no group is called `wbe`"),
            "{}",
            texts[1]
        );
        assert_eq!(found.warnings[1].hints, ["did you mean `web`?"]);
        assert!(
            found.warnings[1]
                .render(false)
                .contains("did you mean `web`?")
        );
    }

    #[test]
    fn mistakes_of_all_files_come_at_once() {
        let folder = tree(&[
            ("hosts", "[web]\nweb1 x\n"),
            ("group_vars/web.yml", "a: 1\nb-c: 2\n"),
            ("group_vars/all.yml", "- 1\n"),
            (
                "host_vars/web1.yml",
                "$ANSIBLE_VAULT;1.1;AES256\n30310a30320a3033\n",
            ),
            ("play/group_vars/web.yml", "a: [\n"),
        ]);
        let found = load_in(&folder, &["hosts"], Some("play")).unwrap_err();
        let texts = texts(&folder, &found);
        assert_eq!(
            texts[0],
            "hosts:2:6: expected `name=value` after the host, found `x`"
        );
        assert_eq!(
            texts[1],
            "group_vars/all.yml:1:1: a file of variables must be a mapping, found a list"
        );
        assert_eq!(
            texts[2],
            "group_vars/web.yml:2:1: `b-c` is not a variable name"
        );
        assert_eq!(
            texts[3],
            "host_vars/web1.yml:1:1: it is vaulted, and no vault password is given"
        );
        assert!(
            texts[4].starts_with("play/group_vars/web.yml:"),
            "{}",
            texts[4]
        );
        assert_eq!(texts.len(), 5);
    }
}
