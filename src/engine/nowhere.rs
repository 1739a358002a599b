//! The connection of modules that work on the controller alone: to no host at all.

use crate::connection::{ByteStream, Command, Connection, ConnectionError, Output, Upload};
use async_trait::async_trait;

/// No host. A module that asks it for something was wrongly said to need none.
#[derive(Debug)]
pub(super) struct Nowhere;

fn refused() -> ConnectionError {
    ConnectionError::Unsupported("this module has no connection to the host".to_owned())
}

#[async_trait]
impl Connection for Nowhere {
    async fn run(&self, _command: Command) -> Result<Output, ConnectionError> {
        Err(refused())
    }

    async fn upload(&self, _upload: Upload) -> Result<(), ConnectionError> {
        Err(refused())
    }

    async fn tunnel(
        &self,
        _host: &str,
        _port: u16,
    ) -> Result<Box<dyn ByteStream>, ConnectionError> {
        Err(refused())
    }

    fn is_closed(&self) -> bool {
        false
    }

    async fn close(&self) {}
}
