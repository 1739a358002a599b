//! Connections: made when first needed, kept for the whole run, made again when they were lost.

use super::host::{ConnectionKey, Host};
use super::lineage::Lineage;
use super::nowhere::Nowhere;
use super::shared::Shared;
use super::variables::host_scope;
use crate::connection::{Command, Connection, ConnectionError, Kind, Target};
use crate::event;
use crate::kubernetes::Dial;
use crate::shell::{Become, Method};
use crate::template::Scope;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a task reaches its host.
pub(super) struct Reached {
    pub(super) connection: Arc<dyn Connection>,
    pub(super) become_user: Option<Become>,
}

impl Reached {
    /// For modules that need no host.
    pub(super) fn nowhere() -> Self {
        Self {
            connection: Arc::new(Nowhere),
            become_user: None,
        }
    }
}

/// How often a lost host is tried again, with a pause of so many seconds before each try.
pub(super) const PAUSES: [u64; 3] = [1, 3, 6];

/// How long a host may take to say its boot id.
const BOOT_ID_LIMIT: Duration = Duration::from_secs(10);

/// Says that a host is tried again in a while.
pub(super) fn waits_for(shared: &Shared, host: &str, reason: &str, seconds: u64) {
    shared.events.emit(event::Kind::Warning {
        host: Some(host.to_owned()),
        message: format!("no connection ({reason}); the next try is in {seconds} s"),
    });
}

/// The connection of a task, and whom it becomes.
pub(super) async fn reach(
    shared: &Arc<Shared>,
    host: &Host,
    lineage: &Lineage,
    scope: &Scope,
) -> Result<Reached, ConnectionError> {
    let become_user = become_of(shared, lineage, scope)?;
    let word = |pick: fn(&crate::playbook::Keywords) -> Option<&crate::yaml::Node>| {
        lineage
            .innermost(pick)
            .map(|node| shared.templar.render(node, scope))
            .transpose()
            .map_err(|error| ConnectionError::Unreachable(error.message))
    };
    let user = word(|keywords| keywords.remote_user.as_ref())?;
    let port = word(|keywords| keywords.port.as_ref())?;
    let kind = word(|keywords| keywords.connection.as_ref())?;
    // A variable beats the keyword, as in the reference.
    let get = |name: &str| -> Option<Value> {
        let given = shared.templar.variable(name, scope).ok().flatten();
        given.or_else(|| match name {
            "ansible_user" => user.clone(),
            "ansible_port" => port.clone(),
            "ansible_connection" => kind.clone(),
            _ => None,
        })
    };
    let target = Target::from_variables(&host.name, &get, &shared.settings.connection)
        .map_err(ConnectionError::Unreachable)?;
    let connection = connect(shared, host, &target).await?;
    Ok(Reached {
        connection,
        become_user,
    })
}

/// The connection to `target`, which belongs to `host`.
async fn connect(
    shared: &Arc<Shared>,
    host: &Host,
    target: &Target,
) -> Result<Arc<dyn Connection>, ConnectionError> {
    let key = ConnectionKey {
        local: target.kind == Kind::Local,
        user: target.user.clone(),
        port: target.port,
    };
    // Held while connecting, so that two tasks do not make two connections.
    let mut connections = host.connections.lock().await;
    let lost = match connections.get(&key) {
        Some(connection) if !connection.is_closed() => return Ok(connection.clone()),
        Some(_) => true,
        None => false,
    };
    for secret in target.password.iter().chain(&target.passphrase) {
        shared.events.secrets.learn(secret.expose());
    }
    let started = Instant::now();
    let connection = shared.connector.connect(target).await?;
    connections.insert(key, connection.clone());
    drop(connections);
    let rebooted = target.kind == Kind::Ssh && notices_reboot(host, &connection).await;
    shared.events.emit(if lost {
        let reason = if rebooted {
            "the host was rebooted"
        } else {
            "the connection was lost"
        };
        event::Kind::HostReconnected {
            host: host.name.clone(),
            reason: reason.to_owned(),
        }
    } else {
        event::Kind::HostConnected {
            host: host.name.clone(),
            took: started.elapsed(),
        }
    });
    Ok(connection)
}

/// Whether the host has another boot id than at the last connection. A host that does not say its boot id was not rebooted
/// as far as anyone can tell.
async fn notices_reboot(host: &Host, connection: &Arc<dyn Connection>) -> bool {
    let command = Command {
        script: "cat /proc/sys/kernel/random/boot_id 2>/dev/null".to_owned(),
        stdin: None,
        become_user: None,
        timeout: Some(BOOT_ID_LIMIT),
    };
    let Ok(output) = connection.run(command).await else {
        return false;
    };
    let id = output.stdout_text().trim().to_owned();
    if id.is_empty() {
        return false;
    }
    let old = host.state().boot_id.replace(id.clone());
    old.is_some_and(|old| old != id)
}

/// Whom a task becomes: connection variables, then keywords, then flags.
pub(super) fn become_of(
    shared: &Arc<Shared>,
    lineage: &Lineage,
    scope: &Scope,
) -> Result<Option<Become>, ConnectionError> {
    let settings = &shared.settings;
    let word = |variable: &str,
                pick: fn(&crate::playbook::Keywords) -> Option<&crate::yaml::Node>| {
        let fail = |error: crate::template::TemplateError| ConnectionError::Become(error.message);
        if let Some(value) = shared.templar.variable(variable, scope).map_err(fail)? {
            return Ok(Some(value));
        }
        lineage
            .innermost(pick)
            .map(|node| shared.templar.render_or_omit(node, scope))
            .transpose()
            .map(Option::flatten)
            .map_err(fail)
    };
    let enabled = match word("ansible_become", |keywords| {
        keywords.become_enabled.as_ref()
    })? {
        Some(value) => super::keywords::truth(&value).ok_or_else(|| {
            ConnectionError::Become(format!("`become` must be a boolean, not {value}"))
        })?,
        None => settings.become_enabled,
    };
    if !enabled {
        return Ok(None);
    }
    let text = |value: Option<Value>| value.as_ref().map(super::keywords::text);
    let method = text(word("ansible_become_method", |k| k.become_method.as_ref())?)
        .or_else(|| settings.become_method.clone());
    let method = match method {
        None => Method::Sudo,
        Some(name) => Method::from_name(&name).ok_or_else(|| {
            ConnectionError::Become(format!(
                "become method `{name}` is not supported; there are sudo, su and doas"
            ))
        })?,
    };
    let user = text(word("ansible_become_user", |k| k.become_user.as_ref())?)
        .or_else(|| settings.become_user.clone())
        .unwrap_or_else(|| "root".to_owned());
    let password = ["ansible_become_password", "ansible_become_pass"]
        .iter()
        .find_map(|name| shared.templar.variable(name, scope).ok().flatten())
        .as_ref()
        .map(super::keywords::text)
        .or_else(|| settings.become_password.clone());
    if let Some(password) = &password {
        shared.events.secrets.learn(password);
    }
    Ok(Some(Become {
        user,
        method,
        executable: text(word("ansible_become_exe", |k| k.become_exe.as_ref())?),
        flags: text(word("ansible_become_flags", |k| k.become_flags.as_ref())?),
        password,
    }))
}

/// Reaches hosts for the Kubernetes API, as root where that is possible: kubeconfigs are root's.
pub(super) struct RunDial {
    pub(super) shared: Arc<Shared>,
    pub(super) lineage: Lineage,
}

#[async_trait]
impl Dial for RunDial {
    async fn connection(
        &self,
        host: &str,
    ) -> Result<(Arc<dyn Connection>, Option<Become>), ConnectionError> {
        let host = self.shared.host(host)?;
        let scope = host_scope(&self.shared, &host);
        let reached = reach(&self.shared, &host, &self.lineage, &scope).await?;
        Ok((reached.connection, reached.become_user))
    }
}
