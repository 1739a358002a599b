//! Files that are sent to hosts: found, verified, and kept once for all hosts.
//!
//! A file is read and hashed once in a run, however many hosts it goes to, and none leaves this room that is not what
//! its checksum says. Downloads are kept on disk under their digest. This room must not know Kubernetes, modules or hosts.

pub mod bundle;
mod cache;
mod checksums;
mod digest;
mod download;
mod error;

pub use cache::{Artifact, Cache, Wanted};
pub use error::ArtifactError;
