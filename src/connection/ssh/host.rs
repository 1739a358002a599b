//! A host over SSH.

use super::channel::{Link, SshSpawn};
use crate::connection::session::Sessions;
use crate::connection::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use async_trait::async_trait;
use std::sync::Arc;

/// A logged-in connection to a host.
#[derive(Debug)]
pub(crate) struct SshHost {
    link: Link,
    sessions: Sessions,
    /// The connection that this one goes through; it must live as long.
    _through: Option<Arc<SshHost>>,
}

impl SshHost {
    pub(super) fn new(link: Link, sessions: usize, through: Option<Arc<Self>>) -> Self {
        Self {
            sessions: Sessions::new(Arc::new(SshSpawn(link.clone())), sessions),
            link,
            _through: through,
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }
}

#[async_trait]
impl Connection for SshHost {
    async fn run(&self, command: Command) -> Result<Output, ConnectionError> {
        self.sessions.run(command).await
    }

    async fn upload(&self, upload: Upload) -> Result<(), ConnectionError> {
        self.sessions.upload(upload).await
    }

    async fn tunnel(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, ConnectionError> {
        if let Some(why) = self.link.gone() {
            return Err(ConnectionError::Lost(why));
        }
        Ok(Box::new(self.link.tunnel(host, port).await?))
    }

    fn is_closed(&self) -> bool {
        self.link.handle.is_closed()
    }

    async fn close(&self) {
        self.link
            .notes
            .set_end("the connection was closed here".to_owned());
        self.sessions.close().await;
        let reason = russh::Disconnect::ByApplication;
        // A connection that is gone already needs no goodbye.
        drop(self.link.handle.disconnect(reason, "", "").await);
    }
}
