//! Reading files out of a bundle without unpacking it.

use super::error::BundleError;
use super::manifest::{ANY, FORMAT, Item, MANIFEST, Manifest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tar::Archive;

/// Largest manifest that is read.
const MANIFEST_LIMIT: u64 = 16 << 20;

/// Whether a source names a bundle: a file that ends in `.tar`.
pub(in crate::artifact) fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "tar") && path.is_file()
}

/// A bundle that was opened: what it holds, and where each file lies.
#[derive(Debug)]
pub(in crate::artifact) struct Bundle {
    path: PathBuf,
    manifest: Manifest,
    /// Offset of each member's bytes.
    offsets: BTreeMap<String, u64>,
}

impl Bundle {
    /// Reads the list of members, and no member's bytes. Blocks.
    pub(in crate::artifact) fn open(path: &Path) -> Result<Self, BundleError> {
        let unsound = |reason: String| BundleError::Unsound {
            path: path.display().to_string(),
            wrong: vec![reason],
        };
        let file = File::open(path).map_err(|error| io(path, &error))?;
        let mut archive = Archive::new(file);
        let mut offsets = BTreeMap::new();
        let mut text = None;
        let entries = archive
            .entries_with_seek()
            .map_err(|error| unsound(error.to_string()))?;
        for entry in entries {
            let entry = entry.map_err(|error| unsound(error.to_string()))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            offsets.insert(name.clone(), entry.raw_file_position());
            if name == MANIFEST {
                let mut found = String::new();
                entry
                    .take(MANIFEST_LIMIT)
                    .read_to_string(&mut found)
                    .map_err(|error| unsound(error.to_string()))?;
                text = Some(found);
            }
        }
        let text = text.ok_or_else(|| unsound(format!("it has no {MANIFEST}")))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| unsound(format!("{MANIFEST}: {error}")))?;
        if manifest.format > FORMAT {
            return Err(unsound(format!(
                "format {} is newer than this program, which reads up to {FORMAT}",
                manifest.format
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            manifest,
            offsets,
        })
    }

    /// What it says of itself.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file of this name, version and architecture; what is not given may be anything, if there is one choice only.
    pub(in crate::artifact) fn find(
        &self,
        name: &str,
        version: Option<&str>,
        arch: Option<&str>,
    ) -> Result<&Item, String> {
        let fits = |item: &&Item| {
            item.name == name
                && version.is_none_or(|version| version == item.version)
                && arch.is_none_or(|arch| arch == item.arch || item.arch == ANY)
        };
        let found: Vec<&Item> = self.manifest.items.iter().filter(fits).collect();
        let asked = [Some(name), version, arch];
        let asked: Vec<&str> = asked.into_iter().flatten().collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(format!(
                "{} has no {}; it holds {}",
                self.path.display(),
                asked.join(" "),
                self.listed()
            )),
            several => Err(format!(
                "{} has {} in {} forms: {}",
                self.path.display(),
                asked.join(" "),
                several.len(),
                several
                    .iter()
                    .map(|item| item.path())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    fn listed(&self) -> String {
        let paths: Vec<String> = self.manifest.items.iter().map(Item::path).collect();
        paths.join(", ")
    }

    /// The bytes of a file; whether they are the right ones is for the caller to check. Blocks.
    pub(in crate::artifact) fn bytes(&self, item: &Item) -> Result<Vec<u8>, BundleError> {
        let path = item.path();
        let Some(offset) = self.offsets.get(&path) else {
            return Err(BundleError::Unsound {
                path: self.path.display().to_string(),
                wrong: vec![format!("{path} is missing")],
            });
        };
        let failed = |error: std::io::Error| io(&self.path, &error);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(item.size)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Ok(bytes)
    }
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> BundleError {
    BundleError::Io {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}
