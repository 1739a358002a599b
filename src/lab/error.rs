//! What can go wrong with a lab.

use std::io;
use std::path::PathBuf;

/// Why a lab cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Another process runs this lab.
    #[error("the lab in {} is in use by another run", .0.display())]
    Busy(PathBuf),
    /// The folder holds something else, and the lab must not touch it.
    #[error("{} is not a lab folder", .0.display())]
    NotALab(PathBuf),
    /// The lab has no host of this name.
    #[error("the lab has no host {0:?}")]
    UnknownHost(String),
    /// Two hosts of the lab have this name.
    #[error("the lab has two hosts named {0:?}")]
    DuplicateHost(String),
    /// A host's name is also a folder's name, so only plain characters are possible.
    #[error("{0:?} cannot be the name of a lab host; letters, digits, '-', '_' and '.' can")]
    HostName(String),
    /// A host's version is written into scripts, so only plain characters are possible.
    #[error("{0:?} cannot be the version of a lab host; one looks like v1.34.3 or v1.34.3+k3s1")]
    Version(String),
    /// A Kubernetes or k3s host needs a version to start with.
    #[error("lab host {0:?} needs a version, such as v1.34.3")]
    NoVersion(String),
    /// No fault has this name.
    #[error("the lab has no fault {0:?}; there are {known}", known = super::Fault::names())]
    UnknownFault(String),
    /// A file or a port of the lab failed.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, and where.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl LabError {
    /// For `map_err`: says what was being done.
    pub(in crate::lab) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}
