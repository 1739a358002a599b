//! Why there is no bundle, or none that can be trusted.

use crate::artifact::ArtifactError;

/// Why there is no bundle, or none that can be trusted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BundleError {
    /// A file of it cannot be had.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The bundle cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// The bundle, or a folder for it.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Two files would have the same place.
    #[error("{0} is asked for twice")]
    Twice(String),
    /// Nothing was asked for.
    #[error("a bundle needs at least one file")]
    Empty,
    /// A folder that is not named after a version.
    #[error("the version of the files in {0} is not known")]
    NoVersion(String),
    /// A name, version or architecture that no path can hold.
    #[error("`{0}` cannot be part of a path")]
    BadName(String),
    /// It is no bundle, or a damaged one.
    #[error("{path} is not a sound bundle: {}", wrong.join("; "))]
    Unsound {
        /// The bundle.
        path: String,
        /// All that is wrong.
        wrong: Vec<String>,
    },
}
