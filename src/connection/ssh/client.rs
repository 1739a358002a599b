//! The callbacks of one SSH connection.

use super::trust::{Decision, Trust};
use russh::client::{DisconnectReason, Handler};
use russh::keys::PublicKeyOrCertificate;
use ssh_key::PublicKey;
use std::sync::{Arc, Mutex, PoisonError};

/// Notes that the callbacks leave for whoever holds the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    new_key: Option<PublicKey>,
    end: Option<String>,
}

impl Notes {
    /// A host key that was accepted as new.
    pub(super) fn new_key(&self) -> Option<PublicKey> {
        self.with(|noted| noted.new_key.clone())
    }

    /// Why the connection ended.
    pub(super) fn end(&self) -> Option<String> {
        self.with(|noted| noted.end.clone())
    }

    /// Says why it ends, if nobody did yet.
    pub(super) fn set_end(&self, why: String) {
        self.with(|noted| noted.end.get_or_insert(why).clone());
    }

    fn with<T>(&self, action: impl FnOnce(&mut Noted) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What ends a handshake or a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The host's key is refused.
    #[error("{0}")]
    HostKey(String),
    /// Anything else.
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

/// Judges the host key from what was loaded before, and notes how things end.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) trust: Trust,
    pub(super) notes: Notes,
}

impl Handler for Client {
    type Error = ClientError;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else {
            return Err(ClientError::HostKey(
                "the host offers a certificate, which was not asked for".to_owned(),
            ));
        };
        match self.trust.decide(key) {
            Decision::Accept => Ok(true),
            Decision::AcceptNew => {
                self.notes.with(|noted| noted.new_key = Some(key.clone()));
                Ok(true)
            }
            Decision::Refuse(words) => Err(ClientError::HostKey(words)),
        }
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.notes
                    .set_end(format!("the server ended it: {}", info.message));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.notes.set_end(error.to_string().to_lowercase());
                Err(error)
            }
        }
    }
}
