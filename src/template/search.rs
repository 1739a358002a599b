//! Finds files on the controller where Ansible would.

use std::path::{Path, PathBuf};

/// The first existing `name` under the folders of `search`: in each, `kind` (`files`, `templates` or `vars`) is tried
/// before the folder itself. An absolute name is only tried as it is; `~` is the user's home.
pub fn find_file(search: &[PathBuf], kind: &str, name: &str) -> Option<PathBuf> {
    let name = expand_home(name);
    let name = Path::new(&name);
    if name.is_absolute() {
        return name.exists().then(|| name.to_owned());
    }
    search
        .iter()
        .flat_map(|folder| [folder.join(kind).join(name), folder.join(name)])
        .find(|path| path.exists())
}

/// `~` and `~/x` as Python's `expanduser` has them; other users' homes are left as they stand.
pub(super) fn expand_home(path: &str) -> String {
    match (path.strip_prefix('~'), std::env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.trim_end_matches('/'))
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::find_file;

    #[test]
    fn the_kind_comes_before_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir(path.join("files")).unwrap();
        std::fs::write(path.join("a"), "").unwrap();
        std::fs::write(path.join("files/a"), "").unwrap();
        std::fs::write(path.join("b"), "").unwrap();
        let search = [path.to_owned()];
        assert_eq!(find_file(&search, "files", "a"), Some(path.join("files/a")));
        assert_eq!(find_file(&search, "templates", "a"), Some(path.join("a")));
        assert_eq!(find_file(&search, "files", "b"), Some(path.join("b")));
        assert_eq!(find_file(&search, "files", "c"), None);
    }
}
