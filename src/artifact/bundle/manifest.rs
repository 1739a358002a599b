//! What a bundle holds.

use serde::{Deserialize, Serialize};

/// The newest format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Names of the members that describe the others.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const CHECKSUMS: &str = "SHA256SUMS";

/// The architecture of files that fit every host, such as scripts.
pub const ANY: &str = "any";

/// The last member of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format's number.
    pub format: u32,
    /// The files, in their order in the archive.
    pub items: Vec<Item>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name, such as `kubelet`.
    pub name: String,
    /// Its version, such as `v1.35.1`.
    pub version: String,
    /// Its architecture as Kubernetes names it (`amd64`, `arm64`), or [`ANY`].
    pub arch: String,
    /// Lower-case hex SHA-256.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Where it came from, fit to be shown.
    pub origin: String,
}

impl Item {
    /// Its path in the archive.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.version, self.arch, self.name)
    }
}

impl Manifest {
    /// The member `SHA256SUMS`.
    pub(super) fn checksums(&self) -> String {
        self.items
            .iter()
            .map(|item| format!("{}  {}\n", item.sha256, item.path()))
            .collect()
    }
}
