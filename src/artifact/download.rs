//! Files behind `http` and `https`, and the folder that keeps them.

use super::digest::sha256;
use super::error::ArtifactError;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file that is taken; a server that sends on and on must not fill the controller's memory.
const LIMIT: u64 = 4 << 30;

/// Largest file with checksums.
const CHECKSUMS_LIMIT: u64 = 4 << 20;

/// A URL as it may be shown: without user information and query, which may hold secrets.
pub fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest
                .split_once('/')
                .map_or((rest, None), |(h, p)| (h, Some(p)));
            let host = host.rsplit('@').next().unwrap_or_default();
            match path {
                Some(path) => format!("{scheme}://{host}/{path}"),
                None => format!("{scheme}://{host}"),
            }
        }
        None => plain.to_owned(),
    }
}

/// The whole text behind a URL. Blocks.
pub(super) fn text(url: &str) -> Result<String, ArtifactError> {
    let bytes = get(url, CHECKSUMS_LIMIT)?;
    String::from_utf8(bytes).map_err(|_| ArtifactError::Download {
        url: shown(url),
        reason: "it is not text".to_owned(),
    })
}

/// The file behind a URL, from the folder of downloads if it is there. Blocks.
///
/// What comes back has this digest, or is what the server sent: the caller tells the two apart by hashing it once.
pub(super) fn file(
    url: &str,
    sha256: &str,
    folder: Option<&Path>,
) -> Result<Vec<u8>, ArtifactError> {
    let kept = folder.map(|folder| folder.join(sha256));
    if let Some(bytes) = kept.as_deref().and_then(|path| verified(path, sha256)) {
        return Ok(bytes);
    }
    let bytes = get(url, LIMIT)?;
    if let Some(path) = kept {
        keep(&path, sha256, &bytes);
    }
    Ok(bytes)
}

/// A kept file, unless it was damaged since.
fn verified(path: &Path, digest: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    (sha256(&bytes) == digest).then_some(bytes)
}

/// Keeps a download for later runs. That this run has it is what counts: a disk that is full or read-only is no failure.
fn keep(path: &Path, digest: &str, bytes: &[u8]) {
    if sha256(bytes) != digest {
        return;
    }
    let Some(folder) = path.parent() else { return };
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    drop(write());
}

/// The folder of downloads: `windlass/artifacts` in the user's cache.
pub(super) fn default_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "windlass")?;
    Some(folders.cache_dir().join("artifacts"))
}

fn get(url: &str, limit: u64) -> Result<Vec<u8>, ArtifactError> {
    let failed = |error: ureq::Error| ArtifactError::Download {
        url: shown(url),
        reason: match error {
            ureq::Error::StatusCode(code) => format!("the server answers {code}"),
            // These repeat the URL.
            ureq::Error::BadUri(_) => "the URL is not valid".to_owned(),
            other => other.to_string(),
        },
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_mins(1)))
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(failed)?;
    response
        .body_mut()
        .with_config()
        .limit(limit)
        .read_to_vec()
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        for (url, expected) in [
            ("https://u:p@h:1/a/b?token=x#y", "https://h:1/a/b"),
            ("http://h", "http://h"),
            ("https://h/a@b", "https://h/a@b"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
