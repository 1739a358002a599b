//! What can be wrong with an artifact.

/// Why there is no artifact. URLs in here have neither user information nor a query.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArtifactError {
    /// A file on the controller cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A URL gives no file.
    #[error("cannot download {url}: {reason}")]
    Download {
        /// The URL.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The expected digest is none.
    #[error("`{0}` is not a SHA-256 digest: 64 hex digits")]
    BadDigest(String),
    /// No file with checksums stands beside the source.
    #[error(
        "no checksum for {name}: give `sha256` or `checksums`, or put a SHA256SUMS file beside it ({reason})"
    )]
    NoChecksums {
        /// The artifact.
        name: String,
        /// Why the file with checksums could not be had.
        reason: String,
    },
    /// The file with checksums has no line for it.
    #[error("{checksums} has no checksum for {name}")]
    Missing {
        /// The file with checksums.
        checksums: String,
        /// The artifact.
        name: String,
    },
    /// It is another file than it should be.
    #[error("{origin} is not the file that was expected: its SHA-256 is {found}, not {expected}")]
    Mismatch {
        /// Where it came from.
        origin: String,
        /// The digest it should have.
        expected: String,
        /// The digest it has.
        found: String,
    },
    /// A bundle does not give it.
    #[error("{0}")]
    Bundle(String),
}
