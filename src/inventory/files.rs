//! Which files an inventory is read from, so that a later run can tell whether they are still the same.

use super::sources::is_source;
use super::vars_files::listing;
use crate::source::Diagnostics;
use std::path::{Path, PathBuf};

/// The folders of variables beside a source, or beside a playbook.
const VARIABLES: [&str; 2] = ["group_vars", "host_vars"];

/// The files of `sources`, and of the variables beside them and beside the playbook.
pub fn files(sources: &[String], playbook_dir: Option<&Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut beside: Vec<PathBuf> = playbook_dir.map(Path::to_owned).into_iter().collect();
    for source in sources {
        let path = Path::new(source);
        if path.is_dir() {
            below(path, &is_source, &mut found);
            beside.push(path.to_owned());
        } else if path.exists() {
            found.push(path.to_owned());
            beside.push(path.parent().unwrap_or(Path::new("")).to_owned());
        }
    }
    for folder in beside {
        for name in VARIABLES {
            below(&folder.join(name), &|_| true, &mut found);
        }
    }
    found
}

fn below(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    // What cannot be listed was refused when the inventory was read.
    for entry in listing(folder, &mut Diagnostics::new()) {
        if !wanted(&entry) {
            continue;
        }
        if entry.is_dir() {
            below(&entry, wanted, found);
        } else {
            found.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn sources_and_variables_are_found_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let all = [
            "inv/hosts.yml",
            "inv/sub/more",
            "inv/artifacts/admin.conf",
            "inv/.hidden",
            "inv/notes.md",
            "inv/group_vars/all/a.yml",
            "inv/host_vars/h1.yml",
            "play/group_vars/all.yml",
            "play/site.yml",
        ];
        for name in all {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let source = folder.path().join("inv").display().to_string();
        let found = files(
            &[source, "a,b".to_owned()],
            Some(&folder.path().join("play")),
        );
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        let expected = [
            "inv/hosts.yml",
            "inv/sub/more",
            "play/group_vars/all.yml",
            "inv/group_vars/all/a.yml",
            "inv/host_vars/h1.yml",
        ];
        assert_eq!(names, expected);
    }
}
