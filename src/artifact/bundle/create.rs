//! Making a bundle.

use super::error::BundleError;
use super::manifest::{CHECKSUMS, FORMAT, Item, MANIFEST, Manifest};
use super::mirror::Part;
use crate::artifact::{Artifact, ArtifactError, Cache, download};
use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::Path;
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

/// Fetches the parts one by one, checks each against its published checksum, and writes the bundle.
///
/// The file gets its name only when it is whole. `told` hears of each file as it goes in.
pub async fn create(
    path: &Path,
    parts: &[Part],
    mut told: impl FnMut(&Item),
) -> Result<Manifest, BundleError> {
    check(parts)?;
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| BundleError::Io {
        path: shown.clone(),
        reason: error.to_string(),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    let mut archive = Builder::new(BufWriter::new(file));
    let mut manifest = Manifest {
        format: FORMAT,
        items: Vec::new(),
    };
    for part in parts {
        // A cache of its own for each: only one file is in memory at a time.
        let cache = download::default_folder().map_or_else(Cache::default, Cache::new);
        let artifact = cache.get(&part.wanted).await?;
        let item = item(part, &artifact);
        append(&mut archive, &item.path(), 0o755, &artifact.content).map_err(failed)?;
        told(&item);
        manifest.items.push(item);
    }
    let sums = manifest.checksums();
    append(&mut archive, CHECKSUMS, 0o644, sums.as_bytes()).map_err(failed)?;
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| failed(std::io::Error::other(error)))?;
    append(&mut archive, MANIFEST, 0o644, text.as_bytes()).map_err(failed)?;
    let file = archive
        .into_inner()
        .and_then(|writer| {
            writer
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)
        })
        .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    publish(&file).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(manifest)
}

/// A temporary file is for its owner alone; a bundle is for everyone.
fn publish(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Refuses what no archive can hold, before anything is fetched.
fn check(parts: &[Part]) -> Result<(), BundleError> {
    if parts.is_empty() {
        return Err(BundleError::Empty);
    }
    let mut seen = HashSet::new();
    for part in parts {
        for word in [&part.name, &part.version, &part.arch] {
            if word.is_empty() || word == "." || word == ".." || word.contains(['/', '\n']) {
                return Err(BundleError::BadName(word.clone()));
            }
        }
        let path = format!("{}/{}/{}", part.version, part.arch, part.name);
        if !seen.insert(path.clone()) {
            return Err(BundleError::Twice(path));
        }
    }
    Ok(())
}

fn item(part: &Part, artifact: &Artifact) -> Item {
    Item {
        name: part.name.clone(),
        version: part.version.clone(),
        arch: part.arch.clone(),
        sha256: artifact.sha256.clone(),
        size: artifact.content.len() as u64,
        origin: artifact.origin.clone(),
    }
}

/// Adds a member without an owner or a time, so that the same files make the same bundle.
fn append(
    archive: &mut Builder<impl Write>,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, path, bytes)
}

impl From<&BundleError> for ArtifactError {
    fn from(error: &BundleError) -> Self {
        match error {
            BundleError::Artifact(error) => error.clone(),
            other => Self::Bundle(other.to_string()),
        }
    }
}
