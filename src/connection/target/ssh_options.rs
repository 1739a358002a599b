//! OpenSSH options as they stand in `ansible_ssh_common_args` and its kin.
//!
//! What can be honoured is honoured, what only concerns OpenSSH's own processes or speed is left out knowingly, and
//! everything else is refused: an option that is silently ignored may be the one that matters.

use super::model::{HostKeyPolicy, Jump};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Options that change nothing here: multiplexing is built in, and nothing is ever asked on a terminal.
const WITHOUT_EFFECT: &[&str] = &[
    "addkeystoagent",
    "batchmode",
    "compression",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "hashknownhosts",
    "ipqos",
    "loglevel",
    "requesttty",
    "tcpkeepalive",
    "updatehostkeys",
];

/// Options that are refused unless they are switched off.
const ONLY_OFF: &[&str] = &[
    "forwardagent",
    "forwardx11",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "verifyhostkeydns",
    "checkhostip",
];

/// What OpenSSH options say. As in OpenSSH, the first value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SshOptions {
    pub(super) hostname: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    /// These add up.
    pub(super) identity_files: Vec<PathBuf>,
    pub(super) identities_only: Option<bool>,
    pub(super) agent_off: bool,
    pub(super) jumps: Option<Vec<Jump>>,
    pub(super) known_hosts: Option<Vec<PathBuf>>,
    pub(super) policy: Option<HostKeyPolicy>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) attempts: Option<u32>,
    pub(super) alive_interval: Option<Duration>,
    pub(super) alive_count: Option<u32>,
}

/// What options are read against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) home: Option<&'a Path>,
    /// The user of jumps that name none.
    pub(super) jump_user: &'a str,
}

impl SshOptions {
    /// Reads a command line of options.
    pub(super) fn parse_args(&mut self, args: &str, context: Context) -> Result<(), String> {
        let words = shlex::split(args).ok_or_else(|| format!("unbalanced quotes in {args}"))?;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                return Err(format!("unexpected word {word} in {args}"));
            };
            // Flags without a value may be joined: `-Cq`.
            let mut rest = flags;
            while let Some(flag) = rest.chars().next() {
                rest = &rest[flag.len_utf8()..];
                match flag {
                    'C' | 'q' | 'v' | 'T' | 'a' | 'x' => {}
                    'o' | 'p' | 'l' | 'i' | 'J' | 'S' => {
                        let joined = std::mem::take(&mut rest);
                        let value = if joined.is_empty() {
                            words
                                .next()
                                .ok_or_else(|| format!("-{flag} needs a value"))?
                        } else {
                            joined.to_owned()
                        };
                        self.flag(flag, &value, context)?;
                    }
                    _ => return Err(format!("the ssh option -{flag} is not supported")),
                }
            }
        }
        Ok(())
    }

    fn flag(&mut self, flag: char, value: &str, context: Context) -> Result<(), String> {
        let keyword = match flag {
            'p' => "port",
            'l' => "user",
            'i' => "identityfile",
            'J' => "proxyjump",
            'S' => "controlpath",
            _ => return self.assignment(value, context),
        };
        self.set(keyword, value, context)
    }

    /// `Keyword=value` or `Keyword value`.
    fn assignment(&mut self, text: &str, context: Context) -> Result<(), String> {
        let text = text.trim();
        let end = text
            .find(|c: char| c == '=' || c.is_whitespace())
            .ok_or_else(|| format!("the ssh option {text} has no value"))?;
        let (keyword, value) = text.split_at(end);
        let value = value.trim_start();
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        self.set(keyword, value.trim_matches('"'), context)
    }

    /// Sets one option.
    pub(super) fn set(
        &mut self,
        keyword: &str,
        value: &str,
        context: Context,
    ) -> Result<(), String> {
        let name = keyword.to_ascii_lowercase();
        let bad = || format!("bad value {value:?} for the ssh option {keyword}");
        match name.as_str() {
            "hostname" => first(&mut self.hostname, value.to_owned()),
            "port" => first(&mut self.port, value.parse().map_err(|_| bad())?),
            "user" => first(&mut self.user, value.to_owned()),
            "identityfile" => self.identity_files.push(expand(value, context.home)?),
            "identitiesonly" => first(&mut self.identities_only, yes_or_no(value).ok_or_else(bad)?),
            "identityagent" if value == "none" => self.agent_off = true,
            "proxyjump" => first(&mut self.jumps, parse_jumps(value, context.jump_user)?),
            "connecttimeout" | "proxycommand" if value == "none" => {}
            "proxycommand" => {
                return Err(
                    "the ssh option ProxyCommand is not supported: use ProxyJump (-J user@host:port)"
                        .to_owned(),
                );
            }
            "userknownhostsfile" => {
                let files: Result<_, _> = value
                    .split_whitespace()
                    .map(|file| expand(file, context.home))
                    .collect();
                first(&mut self.known_hosts, files?);
            }
            "stricthostkeychecking" => first(&mut self.policy, policy(value).ok_or_else(bad)?),
            "connecttimeout" => first(&mut self.connect_timeout, seconds(value).ok_or_else(bad)?),
            "connectionattempts" => {
                let attempts = value.parse().ok().filter(|it| *it > 0).ok_or_else(bad)?;
                first(&mut self.attempts, attempts);
            }
            "serveraliveinterval" => {
                first(&mut self.alive_interval, seconds(value).ok_or_else(bad)?);
            }
            "serveralivecountmax" => {
                first(&mut self.alive_count, value.parse().map_err(|_| bad())?);
            }
            _ if WITHOUT_EFFECT.contains(&name.as_str()) => {}
            _ if ONLY_OFF.contains(&name.as_str()) && yes_or_no(value) == Some(false) => {}
            _ => return Err(format!("the ssh option {keyword}={value} is not supported")),
        }
        Ok(())
    }
}

/// Whether options of this kind can be honoured, before there is a host that they are for.
pub fn check_ssh_args(args: &str) -> Result<(), String> {
    let context = Context {
        home: Some(Path::new("/")),
        jump_user: "root",
    };
    SshOptions::default().parse_args(args, context)
}

/// Keeps the first value.
fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Nothing is ever asked here, so `ask` is as strict as `yes`.
fn policy(value: &str) -> Option<HostKeyPolicy> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "ask" => Some(HostKeyPolicy::Strict),
        "accept-new" => Some(HostKeyPolicy::AcceptNew),
        "no" | "false" | "off" => Some(HostKeyPolicy::Off),
        _ => None,
    }
}

/// OpenSSH's times: seconds, or numbers with units (`1m30s`).
fn seconds(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let mut total = 0_u64;
    let mut number = String::new();
    for c in value.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(Duration::from_secs(total))
}

/// A path with `~`, `%d` and `%%` filled in; other `%` words are refused.
pub(super) fn expand(path: &str, home: Option<&Path>) -> Result<PathBuf, String> {
    let home_text = || {
        home.map(|home| home.to_string_lossy().into_owned())
            .ok_or_else(|| format!("no home folder is known for {path}"))
    };
    let mut text = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('d') => text.push_str(&home_text()?),
                Some('%') => text.push('%'),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("%{other} in {path} is not supported"));
                }
            },
            _ => text.push(c),
        }
    }
    if text == "~" || text.starts_with("~/") {
        text.replace_range(..1, &home_text()?);
    }
    Ok(PathBuf::from(text))
}

/// `[user@]host[:port]` or `ssh://[user@]host[:port]`, separated by commas; `none` is no jump.
pub(super) fn parse_jumps(value: &str, user: &str) -> Result<Vec<Jump>, String> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    value
        .split(',')
        .map(|hop| parse_jump(hop.trim(), user))
        .collect()
}

fn parse_jump(text: &str, default_user: &str) -> Result<Jump, String> {
    let bad = || format!("bad jump host {text:?}: expected user@host:port");
    let rest = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => (default_user, rest),
    };
    let (address, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (address, after) = inner.split_once(']').ok_or_else(bad)?;
        (address, after.strip_prefix(':'))
    } else {
        match rest.split_once(':') {
            // More than one colon is an IPv6 address.
            Some((_, port)) if port.contains(':') => (rest, None),
            Some((address, port)) => (address, Some(port)),
            None => (rest, None),
        }
    };
    let port = port.map_or(Ok(22), str::parse).map_err(|_| bad())?;
    if address.is_empty() || user.is_empty() {
        return Err(bad());
    }
    Ok(Jump {
        address: address.to_owned(),
        port,
        user: user.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<SshOptions, String> {
        let mut options = SshOptions::default();
        let context = Context {
            home: Some(Path::new("/home/me")),
            jump_user: "me",
        };
        options.parse_args(args, context)?;
        Ok(options)
    }

    #[test]
    fn options_are_read() {
        let options = parse(
            "-C -o ControlMaster=auto -o ControlPersist=60s -p2222 -i ~/key -o 'IdentityFile %d/other' \
             -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -oConnectTimeout=1m30s \
             -o ServerAliveInterval=5 -o ServerAliveCountMax=2 -o User=deploy -o Port=1 -o IdentitiesOnly=yes",
        )
        .unwrap();
        assert_eq!(options.port, Some(2222));
        assert_eq!(options.user.as_deref(), Some("deploy"));
        let files = ["/home/me/key", "/home/me/other"].map(PathBuf::from);
        assert_eq!(options.identity_files, files);
        assert_eq!(options.known_hosts, Some(vec![PathBuf::from("/dev/null")]));
        assert_eq!(options.policy, Some(HostKeyPolicy::Off));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(90)));
        assert_eq!(options.alive_interval, Some(Duration::from_secs(5)));
        assert_eq!(options.alive_count, Some(2));
        assert_eq!(options.identities_only, Some(true));
    }

    #[test]
    fn jumps_are_read() {
        let jump = |user: &str, address: &str, port| Jump {
            address: address.to_owned(),
            port,
            user: user.to_owned(),
        };
        let cases = [
            ("bastion", vec![jump("me", "bastion", 22)]),
            ("core@10.0.0.1:2200", vec![jump("core", "10.0.0.1", 2200)]),
            (
                "a@[fe80::1]:23,b",
                vec![jump("a", "fe80::1", 23), jump("me", "b", 22)],
            ),
            ("ssh://x@y:1", vec![jump("x", "y", 1)]),
            ("fe80::2", vec![jump("me", "fe80::2", 22)]),
            ("none", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(
                parse(&format!("-J {text}")).unwrap().jumps,
                Some(expected),
                "{text}"
            );
        }
        assert!(parse("-o ProxyJump=@host").is_err());
        assert!(parse("-J host:port").is_err());
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        let cases = [
            ("-o ProxyCommand='ssh -W %h:%p bastion'", "ProxyJump"),
            ("-o ForwardAgent=yes", "ForwardAgent"),
            ("-o BindAddress=1.2.3.4", "BindAddress"),
            ("-L 1:2:3", "-L"),
            ("-o Port", "no value"),
            ("-o Port=many", "bad value"),
            ("host", "unexpected word"),
            ("-o", "needs a value"),
            ("-o 'Port", "quotes"),
            ("-i %h/key", "%h"),
        ];
        for (args, expected) in cases {
            let error = parse(args).unwrap_err();
            assert!(error.contains(expected), "{args}: {error}");
        }
        assert!(parse("-o ForwardAgent=no").is_ok());
        assert!(check_ssh_args("-o ForwardAgent=yes").is_err());
        assert!(check_ssh_args("-i ~/key -o UserKnownHostsFile=~/known -J bastion").is_ok());
    }
}
