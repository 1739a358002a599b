//! What a verb can fail with, and which exit code that is.

use crate::engine::exit_code;
use crate::journal::{LockError, RunId};
use crate::source::Diagnostics;

/// Why a verb did not do its work.
#[derive(Debug)]
pub enum CliError {
    /// The user's files are wrong; nothing was touched.
    Input(Diagnostics),
    /// The command line is wrong, with what to do about it.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Another run holds the lock.
    Locked(LockError),
    /// The run that is to be gone on with has not ended.
    UnderWay(RunId),
    /// Anything else.
    Other(anyhow::Error),
}

impl CliError {
    /// A usage error with a hint.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked(_) | Self::UnderWay(_) => exit_code::LOCKED,
            Self::Input(_) | Self::Usage { .. } | Self::Other(_) => exit_code::USAGE,
        }
    }
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Input(diagnostics)
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}
