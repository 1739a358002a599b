//! How this room reaches a host.

use crate::connection::{Connection, ConnectionError};
use crate::shell::Become;
use async_trait::async_trait;
use std::sync::Arc;

/// Gives the live connection to a host, made anew if it was lost.
#[async_trait]
pub trait Dial: Send + Sync {
    /// The connection to `host`, and whom to become there to read what only root may read.
    async fn connection(
        &self,
        host: &str,
    ) -> Result<(Arc<dyn Connection>, Option<Become>), ConnectionError>;
}

/// Takes one short line about where a long action is.
pub type Progress = Arc<dyn Fn(String) + Send + Sync>;
