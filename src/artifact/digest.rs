//! SHA-256 of large contents, off the runtime's threads.

use super::ArtifactError;
use bytes::Bytes;
use sha2::Digest as _;

/// A SHA-256 that is computed piece by piece.
#[derive(Default)]
pub(super) struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Takes in the next bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest, in lower-case hex.
    pub(super) fn finish(self) -> String {
        self.0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Lower-case hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut digest = Sha256::default();
    digest.add(bytes);
    digest.finish()
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
