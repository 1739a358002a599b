//! The way from one place in the file system to another, by the names alone.

use std::path::{Component, Path, PathBuf};

/// The folder that a file lies in; `.` for a name alone.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// `path` as it is seen from `folder`; nothing has to exist. Both may be relative to the working folder.
pub fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (path, folder) = (plain(path), plain(folder));
    let shared = path
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder
        .components()
        .skip(shared)
        .map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(path.components().skip(shared)).collect();
    if way.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        way
    }
}

/// Absolute, without `.` and `..`; nothing is the working folder, as the parent of a bare file name is.
fn plain(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_told_by_names() {
        let cases = [
            ("/a/b/c.yml", "/a/b", "c.yml"),
            ("/a/b/roles/x.yml", "/a/b", "roles/x.yml"),
            ("/a/b/../c.yml", "/a/b", "../c.yml"),
            ("/a/b/./d/../c.yml", "/a/b/", "c.yml"),
            ("/x/y", "/a", "../x/y"),
            ("/a", "/a", "."),
            ("b/c.yml", "b", "c.yml"),
            ("c.yml", "", "c.yml"),
        ];
        for (path, folder, expected) in cases {
            let found = relative(Path::new(path), Path::new(folder));
            assert_eq!(found, Path::new(expected), "{path} from {folder}");
        }
    }
}
