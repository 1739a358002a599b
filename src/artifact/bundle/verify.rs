//! Whether a bundle holds what it says, every byte of it.

use super::error::BundleError;
use super::manifest::{CHECKSUMS, MANIFEST, Manifest};
use super::read::{Bundle, io};
use crate::artifact::digest::{Sha256, sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tar::Archive;

/// Reads the whole bundle and says all that is wrong with it. Blocks.
pub fn verify(path: &Path) -> Result<Manifest, BundleError> {
    let bundle = Bundle::open(path)?;
    let manifest = bundle.manifest();
    let found = members(path)?;
    let mut wrong = Vec::new();
    for item in &manifest.items {
        match found.get(&item.path()) {
            None => wrong.push(format!("{} is missing", item.path())),
            Some((size, _)) if *size != item.size => wrong.push(format!(
                "{} has {size} bytes, not {}",
                item.path(),
                item.size
            )),
            Some((_, digest)) if *digest != item.sha256 => wrong.push(format!(
                "the SHA-256 of {} is {digest}, not {}",
                item.path(),
                item.sha256
            )),
            Some(_) => {}
        }
    }
    let sums = manifest.checksums();
    let expected = sha256(sums.as_bytes());
    if found.get(CHECKSUMS).is_none_or(|(_, it)| *it != expected) {
        wrong.push(format!("{CHECKSUMS} does not say the same as {MANIFEST}"));
    }
    let known: Vec<String> = manifest.items.iter().map(super::Item::path).collect();
    for name in found.keys() {
        if !known.contains(name) && name != CHECKSUMS && name != MANIFEST {
            wrong.push(format!("{name} is not in {MANIFEST}"));
        }
    }
    if wrong.is_empty() {
        return Ok(manifest.clone());
    }
    Err(BundleError::Unsound {
        path: path.display().to_string(),
        wrong,
    })
}

/// Size and SHA-256 of every member.
fn members(path: &Path) -> Result<BTreeMap<String, (u64, String)>, BundleError> {
    let failed = |error: std::io::Error| io(path, &error);
    let mut archive = Archive::new(File::open(path).map_err(failed)?);
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; 1 << 20];
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let (mut size, mut digest) = (0, Sha256::default());
        loop {
            let length = entry.read(&mut buffer).map_err(failed)?;
            if length == 0 {
                break;
            }
            digest.add(&buffer[..length]);
            size += length as u64;
        }
        found.insert(name, (size, digest.finish()));
    }
    Ok(found)
}
