//! Services of hosts without systemd: OpenRC's, and plain scripts in `/etc/init.d`.
//!
//! Only what these have in common is done: start, stop, restart, reload, enable, disable.

use super::remote_stat::Fields;
use super::unit::{State, missing};
use super::{Change, Context, Inspection, ModuleError, Outcome};
use crate::event::Phase;
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use serde_json::{Map, Value};

/// What starts services on the host.
#[derive(Debug)]
pub(super) enum Init {
    /// OpenRC.
    OpenRc,
    /// Scripts, and links to them that `update-rc.d` or `chkconfig` keep.
    Scripts {
        /// The folder that has `init.d`: `/etc`.
        etc: String,
    },
}

/// What is asked of the service.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) state: Option<State>,
    pub(super) enabled: Option<bool>,
    /// Seconds between the stop and the start of a restart.
    pub(super) sleep: Option<u32>,
}

/// The shell function `look_at_service INIT NAME`, which prints what `Found::read` reads. `$etc` is the folder with `init.d`.
pub(super) const FUNCTIONS: &str = r#"look_at_service() {
  there=no enabled=no
  case $1 in
    openrc)
      ! rc-service -e "$2" || there=yes
      case " $(rc-update show 2>/dev/null | tr -s ' \n' '  ')" in *" $2 | "*) enabled=yes ;; esac
      [ $there = no ] || rc-service "$2" status >/dev/null 2>&1 </dev/null
      ;;
    *)
      [ ! -x "$etc/init.d/$2" ] || there=yes
      for link in "$etc"/rc[2345].d/S??"$2"; do [ ! -e "$link" ] || enabled=yes; done
      [ $there = no ] || "$etc/init.d/$2" status >/dev/null 2>&1 </dev/null
      ;;
  esac
  printf '%s\0' "$?" $there $enabled
}
"#;

/// What the host says about the service.
#[derive(Debug)]
pub(super) struct Found {
    running: bool,
    there: bool,
    enabled: bool,
}

impl Found {
    /// Reads what `look_at_service` printed. By the LSB, only status 0 means that a service runs.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, ModuleError> {
        Ok(Self {
            running: fields.next()? == "0",
            there: fields.next()? == "yes",
            enabled: fields.next()? == "yes",
        })
    }
}

/// What is to be done.
pub(super) fn decide(
    cx: &Context,
    init: &Init,
    wanted: &Wanted,
    found: &Found,
) -> Result<Inspection, ModuleError> {
    if !found.there {
        return Err(missing(wanted.name));
    }
    let mut result = Map::new();
    result.insert("name".to_owned(), wanted.name.into());
    let mut verbs = Vec::new();
    let mut differences = Vec::new();
    if let Some(enabled) = wanted.enabled {
        result.insert("enabled".to_owned(), enabled.into());
        if enabled != found.enabled {
            verbs.push(if enabled { "enable" } else { "disable" });
            differences.push(("enabled", found.enabled.to_string(), enabled.to_string()));
        }
    }
    if let Some(state) = wanted.state {
        result.insert("state".to_owned(), state.reached().into());
        if let Some(verb) = state.verb(found.running) {
            verbs.push(verb);
            let now = if found.running { "started" } else { "stopped" };
            differences.push(("state", now.to_owned(), state.reached().to_owned()));
        }
    }
    if verbs.is_empty() {
        return Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }));
    }
    let lines: String = verbs
        .iter()
        .map(|verb| init.step(wanted.name, verb, wanted.sleep))
        .collect();
    Ok(Inspection::Change(Change {
        what: format!("{} {}", verbs.join(", "), wanted.name),
        result,
        diff: Some(super::diff::attributes(wanted.name, &differences))
            .filter(|text| cx.diff && !text.is_empty())
            .into_iter()
            .collect(),
        undo: Undo::Entries(init.inverses(wanted.name, found, &verbs)),
        plan: Value::from(lines),
        ..Change::default()
    }))
}

impl Init {
    /// The commands of a verb, joined to be one.
    fn commands(&self, name: &str, verb: &str, sleep: Option<u32>) -> String {
        let name = quote(name);
        let act = |verb: &str| match self {
            Self::OpenRc => format!("rc-service {name} {verb}"),
            Self::Scripts { etc } => format!("{}/init.d/{name} {verb}", quote(etc)),
        };
        match (self, verb) {
            (Self::OpenRc, "enable") => format!("rc-update add {name} default"),
            (Self::OpenRc, "disable") => format!("rc-update del {name}"),
            (Self::Scripts { .. }, "enable") => format!(
                "if command -v update-rc.d; then update-rc.d {name} defaults && update-rc.d {name} enable; \
                 else chkconfig --add {name} && chkconfig {name} on; fi"
            ),
            (Self::Scripts { .. }, "disable") => format!(
                "if command -v update-rc.d; then update-rc.d {name} disable; else chkconfig {name} off; fi"
            ),
            (_, "restart") if sleep.is_some() => format!(
                "{} && sleep {} && {}",
                act("stop"),
                sleep.unwrap_or_default(),
                act("start")
            ),
            (_, verb) => act(verb),
        }
    }

    fn step(&self, name: &str, verb: &str, sleep: Option<u32>) -> String {
        format!(
            "said=$( {{ {}; }} 2>&1 </dev/null) || fail {verb} \"$?\" \"$said\"\n",
            self.commands(name, verb, sleep)
        )
    }

    /// The undo log's own way to keep a service asks systemd, so it is written out here.
    fn inverses(&self, name: &str, found: &Found, verbs: &[&str]) -> Vec<Entry> {
        let mut entries = Vec::new();
        if verbs.iter().any(|verb| verb.ends_with("able")) {
            let verb = if found.enabled { "enable" } else { "disable" };
            entries.push(Entry::Command {
                phase: Phase::Restore,
                script: self.commands(name, verb, None),
            });
        }
        if verbs.iter().any(|verb| !verb.ends_with("able")) {
            let verb = if found.running { "restart" } else { "stop" };
            entries.push(Entry::Command {
                phase: Phase::Settle,
                script: self.commands(name, verb, None),
            });
        }
        entries
    }
}

/// Whether this change was decided here.
pub(super) fn made(change: &Change) -> bool {
    change.plan.is_string()
}

/// Does it, in one round trip, up to the first command that fails.
pub(super) async fn apply(cx: &Context, change: Change) -> Result<Outcome, ModuleError> {
    const FAIL: &str = "fail() { printf '%s\\0' \"$@\"; exit 0; }\n";
    let lines = change.plan.as_str().unwrap_or_default();
    let output = cx.remote.run(format!("{FAIL}{lines}")).await?;
    super::deliver::succeed(&output)?;
    if output.stdout.is_empty() {
        return Ok(Outcome {
            changed: true,
            result: change.result,
            ..Outcome::default()
        });
    }
    let mut fields = Fields::new(&output.stdout);
    let (verb, rc, said) = (fields.next()?, fields.next()?, fields.next()?);
    let name = change.result.get("name").and_then(Value::as_str);
    let mut result = Map::new();
    result.insert("rc".to_owned(), rc.parse::<i64>().unwrap_or(1).into());
    Err(ModuleError::Failed {
        message: format!(
            "Unable to {verb} service {}: {}",
            name.unwrap_or_default(),
            said.trim()
        ),
        result,
    })
}
