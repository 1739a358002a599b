//! SHA-256 of large contents, off the runtime's threads.

use super::ArtifactError;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Lower-case hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The same, computed by rayon's threads; `None` when these are gone.
pub(super) async fn sha256_of(bytes: Bytes) -> Option<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        // Nobody listens any more when the run was ended.
        let _ = sender.send(sha256(&bytes));
    });
    receiver.await.ok()
}

/// A digest as users write it, in lower case and without `sha256:`.
pub(super) fn normal(text: &str) -> Result<String, ArtifactError> {
    let digest = text.trim().to_lowercase();
    let digest = digest.strip_prefix("sha256:").unwrap_or(&digest);
    if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(digest.to_owned())
    } else {
        Err(ArtifactError::BadDigest(text.to_owned()))
    }
}
