//! Logging in: keys that were named, the agent, the usual keys, then the password.

use super::client::Client;
use crate::connection::{Secret, Target};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, load_secret_key};
use russh::{MethodKind, MethodSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Key files that are tried when none is named.
const USUAL_KEYS: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];

/// An agent may ask its user before it signs, but lists its keys at once.
const AGENT_LIMIT: Duration = Duration::from_secs(5);

/// More questions than this are no login.
const MAX_QUESTIONS: usize = 10;

/// What to log in with.
#[derive(Debug)]
pub(super) struct Credentials<'a> {
    user: &'a str,
    key_files: &'a [PathBuf],
    key_files_only: bool,
    usual_keys: Vec<PathBuf>,
    passphrase: Option<&'a Secret>,
    agent: Option<&'a Path>,
    password: Option<&'a Secret>,
}

impl<'a> Credentials<'a> {
    /// A target's credentials; a jump host on the way to it gets no password.
    pub(super) fn new(target: &'a Target, user: &'a str, with_password: bool) -> Self {
        let usual_keys = match (target.identity_files.is_empty(), &target.usual_keys) {
            (true, Some(folder)) => USUAL_KEYS.iter().map(|name| folder.join(name)).collect(),
            _ => Vec::new(),
        };
        Self {
            user,
            key_files: &target.identity_files,
            key_files_only: target.identities_only,
            usual_keys,
            passphrase: target.passphrase.as_ref(),
            agent: target.agent.as_deref(),
            password: target.password.as_ref().filter(|_| with_password),
        }
    }
}

/// How a login is going.
struct Login<'h, 'c> {
    handle: &'h mut Handle<Client>,
    credentials: &'c Credentials<'c>,
    /// What the server still takes; unknown before the first answer.
    remaining: Option<MethodSet>,
    /// What was tried, for the error.
    tried: Vec<String>,
    /// Known once a key of type RSA is at hand.
    rsa_hash: Option<Option<HashAlg>>,
}

/// Logs in, or says what was tried.
pub(super) async fn authenticate(
    handle: &mut Handle<Client>,
    credentials: &Credentials<'_>,
) -> Result<(), String> {
    let mut login = Login {
        handle,
        credentials,
        remaining: None,
        tried: Vec::new(),
        rsa_hash: None,
    };
    match login.run().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(login.refusal()),
        Err(error) => Err(format!(
            "{}; the connection ended: {}",
            login.refusal(),
            error.to_string().to_lowercase()
        )),
    }
}

impl Login<'_, '_> {
    async fn run(&mut self) -> Result<bool, russh::Error> {
        let credentials = self.credentials;
        // Keys that were named come before the agent's: a server only bears a few wrong ones.
        Ok(self.key_files(credentials.key_files, true).await?
            || self.agent().await?
            || self.key_files(&credentials.usual_keys, false).await?
            || self.password().await?)
    }

    fn refusal(&self) -> String {
        let tried = if self.tried.is_empty() {
            "there is no key, agent or password to try".to_owned()
        } else {
            format!("tried {}", self.tried.join(", "))
        };
        let takes = match &self.remaining {
            Some(methods) if !methods.is_empty() => {
                let names: Vec<&str> = methods.iter().map(Into::into).collect();
                format!("; the server takes {}", names.join(", "))
            }
            _ => String::new(),
        };
        format!("cannot log in as {}: {tried}{takes}", self.credentials.user)
    }

    fn takes(&self, method: MethodKind) -> bool {
        self.remaining
            .as_ref()
            .is_none_or(|methods| methods.contains(&method))
    }

    /// Notes the server's answer; true when logged in.
    fn note(&mut self, what: String, result: AuthResult) -> Result<bool, russh::Error> {
        match result {
            AuthResult::Success => Ok(true),
            AuthResult::Failure {
                remaining_methods,
                partial_success,
            } => {
                let accepted = if partial_success {
                    " (accepted, but more is wanted)"
                } else {
                    ""
                };
                self.tried.push(format!("{what}{accepted}"));
                self.remaining = Some(remaining_methods);
                // After too many failures the server hangs up.
                if self.handle.is_closed() {
                    return Err(russh::Error::HUP);
                }
                Ok(false)
            }
        }
    }

    async fn rsa_hash(&mut self) -> Result<Option<HashAlg>, russh::Error> {
        if let Some(known) = self.rsa_hash {
            return Ok(known);
        }
        // A server that says nothing is new enough for SHA-2, or too old to be safe.
        let best = self.handle.best_supported_rsa_hash().await?;
        let hash = best.unwrap_or(Some(HashAlg::Sha512));
        self.rsa_hash = Some(hash);
        Ok(hash)
    }

    async fn key_files(&mut self, files: &[PathBuf], named: bool) -> Result<bool, russh::Error> {
        for file in files {
            if !self.takes(MethodKind::PublicKey) {
                break;
            }
            let name = file.display();
            match load(file, self.credentials.passphrase).await {
                Ok(key) => {
                    let hash = match key.algorithm().is_rsa() {
                        true => self.rsa_hash().await?,
                        false => None,
                    };
                    let what = format!("the key {name}");
                    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
                    let user = self.credentials.user;
                    let result = self.handle.authenticate_publickey(user, key).await?;
                    if self.note(what, result)? {
                        return Ok(true);
                    }
                }
                Err(why) if named || why != NO_FILE => {
                    self.tried.push(format!("the key {name} ({why})"));
                }
                Err(_) => {}
            }
        }
        Ok(false)
    }

    async fn agent(&mut self) -> Result<bool, russh::Error> {
        let Some(socket) = self.credentials.agent else {
            return Ok(false);
        };
        if !self.takes(MethodKind::PublicKey) {
            return Ok(false);
        }
        let listing = async {
            let mut agent = AgentClient::connect_uds(socket).await?;
            if let Some(binding) = self.handle.agent_session_binding() {
                // Agents other than OpenSSH's do not know this, and need not.
                drop(agent.bind_session(binding, false).await);
            }
            let identities = agent.request_identities().await?;
            Ok::<_, russh::keys::Error>((agent, identities))
        };
        let (mut agent, identities) = match timeout(AGENT_LIMIT, listing).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => {
                self.tried.push(format!("the agent ({error})"));
                return Ok(false);
            }
            Err(_) => {
                self.tried.push("the agent (it does not answer)".to_owned());
                return Ok(false);
            }
        };
        if identities.is_empty() {
            self.tried.push("the agent (it has no keys)".to_owned());
        }
        for identity in identities {
            if !self.takes(MethodKind::PublicKey) {
                break;
            }
            if self.credentials.key_files_only && !self.is_named(&identity).await {
                continue;
            }
            if self.agent_key(&mut agent, identity).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn agent_key(
        &mut self,
        agent: &mut AgentClient<UnixStream>,
        identity: AgentIdentity,
    ) -> Result<bool, russh::Error> {
        let key = identity.public_key().into_owned();
        let what = format!(
            "the agent's key {} {}",
            key.fingerprint(HashAlg::Sha256),
            identity.comment()
        );
        let hash = match key.algorithm().is_rsa() {
            true => self.rsa_hash().await?,
            false => None,
        };
        let user = self.credentials.user;
        let result = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                self.handle
                    .authenticate_publickey_with(user, key, hash, agent)
                    .await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                self.handle
                    .authenticate_certificate_with(user, certificate, hash, agent)
                    .await
            }
        };
        match result {
            Ok(result) => self.note(what.trim_end().to_owned(), result),
            Err(error) => {
                // The agent may have declined; that is no reason to give up.
                self.tried.push(format!("{} ({error})", what.trim_end()));
                Ok(false)
            }
        }
    }

    /// Whether a key of the agent belongs to a named key file, by its public half beside it.
    async fn is_named(&self, identity: &AgentIdentity) -> bool {
        let key = identity.public_key();
        for file in self.credentials.key_files {
            let mut public = file.clone().into_os_string();
            public.push(".pub");
            if let Ok(text) = tokio::fs::read_to_string(&public).await
                && let Ok(named) = text.trim().parse::<ssh_key::PublicKey>()
                && named.key_data() == key.key_data()
            {
                return true;
            }
        }
        false
    }

    async fn password(&mut self) -> Result<bool, russh::Error> {
        let Some(password) = self.credentials.password else {
            return Ok(false);
        };
        let user = self.credentials.user;
        if self.takes(MethodKind::Password) {
            let result = self
                .handle
                .authenticate_password(user, password.expose())
                .await?;
            if self.note("the password".to_owned(), result)? {
                return Ok(true);
            }
        }
        if self.takes(MethodKind::KeyboardInteractive) {
            return self.questions(password).await;
        }
        Ok(false)
    }

    /// Answers what the server asks: the password to hidden prompts, nothing to others.
    async fn questions(&mut self, password: &Secret) -> Result<bool, russh::Error> {
        let user = self.credentials.user;
        let mut answer = self
            .handle
            .authenticate_keyboard_interactive_start(user, None)
            .await?;
        for _ in 0..MAX_QUESTIONS {
            let prompts = match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure {
                    remaining_methods,
                    partial_success,
                } => {
                    let result = AuthResult::Failure {
                        remaining_methods,
                        partial_success,
                    };
                    return self.note("the password at the server's prompt".to_owned(), result);
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let responses = prompts
                .iter()
                .map(|prompt| if prompt.echo { "" } else { password.expose() }.to_owned())
                .collect();
            answer = self
                .handle
                .authenticate_keyboard_interactive_respond(responses)
                .await?;
        }
        self.tried
            .push("the server's prompts (too many)".to_owned());
        Ok(false)
    }
}

const NO_FILE: &str = "no such file";

/// Reads a private key off the runtime's threads: undoing a passphrase is slow on purpose.
async fn load(file: &Path, passphrase: Option<&Secret>) -> Result<PrivateKey, String> {
    let file = file.to_owned();
    let passphrase = passphrase.cloned();
    let loading = move || {
        load_secret_key(&file, passphrase.as_ref().map(Secret::expose)).map_err(|error| match error
        {
            russh::keys::Error::IO(error) if error.kind() == std::io::ErrorKind::NotFound => {
                NO_FILE.to_owned()
            }
            russh::keys::Error::KeyIsEncrypted => {
                "it is encrypted, and no passphrase is given".to_owned()
            }
            error => error.to_string().to_lowercase(),
        })
    };
    let result = tokio::task::spawn_blocking(loading).await;
    result.unwrap_or_else(|error| Err(error.to_string()))
}
