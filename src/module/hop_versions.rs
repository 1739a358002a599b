//! The versions that a user has binaries of: folders on the controller that are named like versions.
//!
//! Knows folders and names. It must not know which of them a path needs.

use super::ModuleError;
use crate::kubernetes::Version;
use std::path::Path;

/// The versions that folders in `folder` are named after, the oldest first; none when there is no such folder.
pub(super) fn versions_in(folder: &Path) -> Vec<Version> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut versions: Vec<Version> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

/// The folder that holds `source` beside those of other versions; `None` for a URL.
pub(super) fn beside(source: &str) -> Option<&Path> {
    (!source.contains("://"))
        .then(|| Path::new(source).parent())
        .flatten()
}

/// Versions as a user writes them.
pub(super) fn parse_all(name: &str, texts: &[String]) -> Result<Vec<Version>, ModuleError> {
    texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| parse(name, text))
        .collect()
}

/// One version as a user writes it.
pub(super) fn parse(name: &str, text: &str) -> Result<Version, ModuleError> {
    text.parse()
        .map_err(|error| ModuleError::failed(format!("`{name}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_named_like_versions_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["v1.35.1", "1.34.3", "v1.34.10", "v1.35.1+k3s1", "old"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("v1.36.0"), "a file").unwrap();
        let found: Vec<_> = versions_in(folder.path())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, ["v1.34.3", "v1.34.10", "v1.35.1", "v1.35.1+k3s1"]);
        assert!(versions_in(Path::new("/nowhere/at/all")).is_empty());
        assert_eq!(beside("/srv/a/v1.35.1"), Some(Path::new("/srv/a")));
        assert_eq!(beside("https://host/v1.35.1"), None);
    }

    #[test]
    fn what_is_no_version_is_named() {
        let texts = ["v1.35.1".to_owned(), String::new()];
        assert_eq!(parse_all("via", &texts).unwrap().len(), 1);
        let error = parse("to", "newest").unwrap_err().to_string();
        assert_eq!(error, "`to`: `newest` is not a version such as v1.35.1");
    }
}
