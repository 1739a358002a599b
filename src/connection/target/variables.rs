//! Ansible's connection variables.

use super::model::{Defaults, Keepalive, Kind, Target};
use super::ssh_options::{Context, SshOptions, expand};
use crate::connection::{HostKeyPolicy, Secret};
use crate::yaml;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// A host's variables by name.
type Get<'a> = dyn Fn(&str) -> Option<Value> + 'a;

impl Target {
    /// Reads a host's connection variables. `get` gives a variable's final value.
    ///
    /// Options count in the order in which Ansible hands them to `ssh`, where the first one wins: `ansible_ssh_args`,
    /// the variables of their own, `ansible_ssh_common_args`, `ansible_ssh_extra_args`.
    pub fn from_variables(host: &str, get: &Get, defaults: &Defaults) -> Result<Self, String> {
        let kind = kind(get, defaults)?;
        let own_user = text(get, &["ansible_user", "ansible_ssh_user"])?;
        let home = defaults.home.as_deref();
        let context = Context {
            home,
            jump_user: &defaults.user,
        };
        let options = options(get, defaults, context, own_user)?;

        let address = text(get, &["ansible_host", "ansible_ssh_host"])?;
        let in_home = |name: &str| home.map(|home| home.join(".ssh").join(name));
        let known_hosts = options.known_hosts.unwrap_or_else(|| {
            in_home("known_hosts")
                .into_iter()
                .chain(in_home("known_hosts2"))
                .collect()
        });
        let system = ["ssh_known_hosts", "ssh_known_hosts2"]
            .map(|name| PathBuf::from("/etc/ssh").join(name));
        let keepalive = Keepalive {
            interval: options.alive_interval.unwrap_or(Duration::from_secs(15)),
            count: options.alive_count.unwrap_or(3),
        };
        Ok(Self {
            host: host.to_owned(),
            kind,
            address: options
                .hostname
                .or(address)
                .unwrap_or_else(|| host.to_owned()),
            port: options.port.unwrap_or(defaults.port),
            user: options.user.unwrap_or_else(|| defaults.user.clone()),
            password: password(get)?.or_else(|| defaults.password.clone()),
            identity_files: options.identity_files,
            usual_keys: home.map(|home| home.join(".ssh")),
            identities_only: options.identities_only.unwrap_or(false),
            passphrase: text(
                get,
                &[
                    "ansible_ssh_private_key_passphrase",
                    "ansible_private_key_passphrase",
                ],
            )?
            .map(Secret::new),
            agent: defaults.agent.clone().filter(|_| !options.agent_off),
            jumps: options.jumps.unwrap_or_default(),
            known_hosts: known_hosts.into_iter().chain(system).collect(),
            host_key_policy: options.policy.unwrap_or(defaults.host_key_policy),
            connect_timeout: options.connect_timeout.unwrap_or(defaults.connect_timeout),
            attempts: options.attempts.unwrap_or(1),
            keepalive,
        })
    }
}

/// All options of a host, in Ansible's order.
fn options(
    get: &Get,
    defaults: &Defaults,
    context: Context,
    own_user: Option<String>,
) -> Result<SshOptions, String> {
    let mut options = SshOptions::default();
    let args = |name: &str, default: &str| -> Result<(String, String), String> {
        let own = text(get, &[name])?;
        Ok((name.to_owned(), own.unwrap_or_else(|| default.to_owned())))
    };
    let read = |options: &mut SshOptions, (name, args): (String, String)| {
        options
            .parse_args(&args, context)
            .map_err(|problem| format!("{name}: {problem}"))
    };
    read(&mut options, args("ansible_ssh_args", &defaults.ssh_args)?)?;

    let checking = ["ansible_host_key_checking", "ansible_ssh_host_key_checking"];
    if boolean(get, &checking)? == Some(false) {
        options.policy.get_or_insert(HostKeyPolicy::Off);
    }
    if let Some(port) = port(get)? {
        options.port.get_or_insert(port);
    }
    let key = text(
        get,
        &["ansible_private_key_file", "ansible_ssh_private_key_file"],
    )?;
    match key {
        Some(key) => options.identity_files.push(expand(&key, context.home)?),
        None => options
            .identity_files
            .extend(defaults.private_key_file.clone()),
    }
    if let Some(user) = own_user {
        options.user.get_or_insert(user);
    }
    if let Some(limit) = timeout(get)? {
        options.connect_timeout.get_or_insert(limit);
    }
    read(
        &mut options,
        args("ansible_ssh_common_args", &defaults.common_args)?,
    )?;
    read(
        &mut options,
        args("ansible_ssh_extra_args", &defaults.extra_args)?,
    )?;
    Ok(options)
}

fn kind(get: &Get, defaults: &Defaults) -> Result<Kind, String> {
    let named = text(get, &["ansible_connection"])?.unwrap_or_else(|| defaults.connection.clone());
    match named.strip_prefix("ansible.builtin.").unwrap_or(&named) {
        "ssh" | "smart" | "paramiko" | "paramiko_ssh" => Ok(Kind::Ssh),
        "local" => Ok(Kind::Local),
        _ => Err(format!(
            "ansible_connection: {named} is not supported here: use ssh or local"
        )),
    }
}

fn password(get: &Get) -> Result<Option<Secret>, String> {
    let names = [
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_ssh_password",
    ];
    Ok(text(get, &names)?.map(Secret::new))
}

fn port(get: &Get) -> Result<Option<u16>, String> {
    let Some(value) = text(get, &["ansible_port", "ansible_ssh_port"])? else {
        return Ok(None);
    };
    match value.trim().parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("ansible_port: {value} is not a port number")),
    }
}

fn timeout(get: &Get) -> Result<Option<Duration>, String> {
    let Some(value) = text(get, &["ansible_timeout", "ansible_ssh_timeout"])? else {
        return Ok(None);
    };
    match value.trim().parse() {
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(format!(
            "ansible_timeout: {value} is not a number of seconds"
        )),
    }
}

/// The value of the last of the names that is set, as in Ansible, as text. Empty text is as good as nothing.
fn text(get: &Get, names: &[&str]) -> Result<Option<String>, String> {
    for name in names.iter().rev() {
        match get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => return Ok(Some(text)),
            Some(Value::Number(number)) => return Ok(Some(number.to_string())),
            Some(Value::Bool(flag)) => return Ok(Some(flag.to_string())),
            // The value is not shown: it may be a password.
            Some(_) => return Err(format!("{name}: expected text")),
        }
    }
    Ok(None)
}

fn boolean(get: &Get, names: &[&str]) -> Result<Option<bool>, String> {
    let Some(value) = text(get, names)? else {
        return Ok(None);
    };
    match yaml::truth(&value) {
        Some(on) => Ok(Some(on)),
        None => Err(format!("{}: {value} is neither true nor false", names[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Jump;
    use serde_json::json;

    fn target(variables: &Value) -> Result<Target, String> {
        let defaults = Defaults {
            user: "me".to_owned(),
            home: Some(PathBuf::from("/home/me")),
            private_key_file: Some(PathBuf::from("/default/key")),
            ..Defaults::default()
        };
        Target::from_variables("web1", &|name| variables.get(name).cloned(), &defaults)
    }

    #[test]
    fn a_bare_host_gets_the_defaults() {
        let target = target(&json!({})).unwrap();
        assert_eq!(target.kind, Kind::Ssh);
        assert_eq!((target.address.as_str(), target.port), ("web1", 22));
        assert_eq!(target.user, "me");
        assert_eq!(target.identity_files, [PathBuf::from("/default/key")]);
        assert_eq!(
            target.known_hosts[0],
            PathBuf::from("/home/me/.ssh/known_hosts")
        );
        assert_eq!(target.host_key_policy, HostKeyPolicy::Strict);
        assert_eq!(target.connect_timeout, Duration::from_secs(10));
    }

    #[test]
    fn variables_are_read() {
        let target = target(&json!({
            "ansible_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "a", "ansible_ssh_user": "b",
            "ansible_ssh_pass": "secret", "ansible_private_key_file": "~/k", "ansible_ssh_timeout": 3,
            "ansible_host_key_checking": false, "ansible_ssh_private_key_passphrase": "phrase",
            "ansible_ssh_common_args": "-o ProxyJump=jump -o Port=9 -o ConnectionAttempts=4 -o StrictHostKeyChecking=yes",
        }))
        .unwrap();
        assert_eq!((target.address.as_str(), target.port), ("10.0.0.1", 2222));
        assert_eq!(target.user, "b");
        assert_eq!(target.password, Some(Secret::new("secret")));
        assert_eq!(target.identity_files, [PathBuf::from("/home/me/k")]);
        assert_eq!(target.connect_timeout, Duration::from_secs(3));
        assert_eq!(target.attempts, 4);
        assert_eq!(target.host_key_policy, HostKeyPolicy::Off);
        assert_eq!(target.passphrase, Some(Secret::new("phrase")));
        let jump = Jump {
            address: "jump".to_owned(),
            port: 22,
            user: "me".to_owned(),
        };
        assert_eq!(target.jumps, [jump]);
        assert!(!format!("{target:?}").contains("secret"));
    }

    #[test]
    fn the_first_option_wins() {
        let target = target(&json!({
            "ansible_ssh_args": "-p 1", "ansible_port": 2, "ansible_ssh_extra_args": "-p 3 -l late",
        }))
        .unwrap();
        assert_eq!(target.port, 1);
        assert_eq!(target.user, "late");
    }

    #[test]
    fn kinds() {
        let kind = |name: &str| target(&json!({"ansible_connection": name})).map(|t| t.kind);
        assert_eq!(kind("local"), Ok(Kind::Local));
        assert_eq!(kind("ansible.builtin.ssh"), Ok(Kind::Ssh));
        assert_eq!(kind("smart"), Ok(Kind::Ssh));
        assert!(kind("lab").unwrap_err().contains("lab"));
        assert!(kind("docker").is_err());
    }

    #[test]
    fn mistakes_are_named_without_their_values() {
        let cases = [
            (json!({"ansible_port": "many"}), "ansible_port: many"),
            (json!({"ansible_port": 0}), "ansible_port"),
            (json!({"ansible_timeout": "soon"}), "ansible_timeout"),
            (
                json!({"ansible_host_key_checking": "maybe"}),
                "neither true nor false",
            ),
            (
                json!({"ansible_password": ["x"]}),
                "ansible_password: expected text",
            ),
            (
                json!({"ansible_ssh_extra_args": "-o ProxyCommand=x"}),
                "ansible_ssh_extra_args: ",
            ),
        ];
        for (variables, expected) in cases {
            let error = target(&variables).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
