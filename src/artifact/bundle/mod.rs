//! Bundles: one file with the binaries, images and checksums of an upgrade, for places without a way out.
//!
//! A bundle is a plain tar archive, so that `tar` and `sha256sum -c SHA256SUMS` can take it apart without this program:
//!
//! ```text
//! v1.35.1/amd64/kubelet      each file under its version and architecture
//! SHA256SUMS                 of all of them
//! manifest.json              the same with sizes and origins; the last member
//! ```
//!
//! The same files make the same bundle, byte for byte. This knows files and mirrors; it must not know hosts.

mod create;
mod error;
mod manifest;
mod mirror;
mod read;
#[cfg(test)]
mod tests;
mod verify;

pub use create::create;
pub use error::BundleError;
pub use manifest::{ANY, Item, Manifest};
pub use mirror::{K3S_MIRROR, KUBERNETES_MIRROR, KUBERNETES_NAMES, Part, folder, k3s, kubernetes};
pub(super) use read::{Bundle, is_bundle};
pub use verify::verify;
