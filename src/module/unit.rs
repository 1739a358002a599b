//! A systemd unit: what it is, what is to be done about it, and doing it. `systemd` and `service` share this.
//!
//! It must not know which of the two asked, nor other init systems.

use super::diff::{Attribute, attributes};
use super::remote_stat::Fields;
use super::{Change, Context, Inspection, ModuleError, Outcome};
use crate::event::Phase;
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is asked of the unit; what is `None` or false is left alone.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) unit: Option<String>,
    pub(super) state: Option<State>,
    pub(super) enabled: Option<bool>,
    pub(super) masked: Option<bool>,
    /// What systemd itself does first: `daemon-reexec`, `daemon-reload`.
    pub(super) first: Vec<&'static str>,
    /// Replace links that are in the way of enabling or masking.
    pub(super) force: bool,
    /// Do not wait for the unit to get there.
    pub(super) no_block: bool,
}

/// What a service is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Started,
    Stopped,
    Restarted,
    Reloaded,
}

impl State {
    /// As results say it: a service that was restarted or reloaded is `started`.
    pub(super) fn reached(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            _ => "started",
        }
    }

    /// What has to be done to a service that runs or does not.
    pub(super) fn verb(self, running: bool) -> Option<&'static str> {
        match self {
            Self::Started if running => None,
            Self::Stopped if !running => None,
            Self::Stopped => Some("stop"),
            Self::Restarted if running => Some("restart"),
            Self::Reloaded if running => Some("reload"),
            _ => Some("start"),
        }
    }
}

/// What `status` in the result holds. Each is one line; those that a systemd does not know are absent.
const PROPERTIES: &str = "Id Names Description Type LoadState LoadError ActiveState SubState Result UnitFileState \
    FragmentPath DropInPaths MainPID NRestarts ExecMainPID ExecMainStatus ExecMainStartTimestamp \
    ExecMainStartTimestampMonotonic ActiveEnterTimestamp ActiveEnterTimestampMonotonic StateChangeTimestamp \
    NeedDaemonReload CanReload Restart User Group Job";

/// The shell functions `show_unit` and `look_at_unit`, which prints what `Found::read` reads.
///
/// A unit with a job, such as a restart whose connection was lost, is about to change: it is given ten seconds.
pub(super) fn functions() -> String {
    let properties: String = PROPERTIES
        .split_whitespace()
        .map(|name| format!(" -p {name}"))
        .collect();
    format!(
        r#"LC_ALL=C
export LC_ALL
show_unit() {{ systemctl show{properties} "$1" 2>&1; }}
look_at_unit() {{
  looks=50
  while :; do
    shown=$(show_unit "$1")
    answered=$?
    case $shown in *"
Job="[1-9]*) ;; *) break ;; esac
    [ "$looks" -gt 0 ] || break
    looks=$((looks - 1))
    sleep 0.2 2>/dev/null || sleep 1
  done
  printf '%s\0%s\0' "$answered" "$shown"
  enablement=$(systemctl is-enabled "$1" 2>/dev/null)
  printf '%s\0%s\0' "$?" "$enablement"
}}
"#
    )
}

/// What the host says about the unit.
#[derive(Debug)]
pub(super) struct Found {
    /// The properties.
    status: Map<String, Value>,
    /// What `systemctl show` said when it has no properties to show.
    said: String,
    /// Whether the unit is started at boot, or wherever it is wanted.
    enabled: bool,
    /// As `systemctl is-enabled` says it.
    enablement: String,
}

impl Found {
    /// Reads what `look_at_unit` printed.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, ModuleError> {
        let answered = fields.next()? == "0";
        let said = fields.next()?;
        let enabled = fields.next()? == "0";
        let enablement = fields.next()?.trim().to_owned();
        let mut status = properties(&said);
        if !answered || !status.contains_key("LoadState") {
            status.clear();
        }
        Ok(Self {
            status,
            said,
            enabled: enabled && enablement != "indirect" && enablement != "alias",
            enablement,
        })
    }

    fn property(&self, name: &str) -> &str {
        self.status.get(name).and_then(Value::as_str).unwrap_or("")
    }

    fn is_there(&self) -> bool {
        match self.property("LoadState") {
            "not-found" => false,
            // Without a running systemd, as in a chroot, only unit files can be asked about.
            "" => !matches!(self.enablement.as_str(), "" | "not-found"),
            _ => true,
        }
    }

    /// A unit on its way up counts as running, as in Ansible; one on its way down has still to be stopped.
    fn is_running(&self, state: State) -> bool {
        match self.property("ActiveState") {
            "active" | "activating" => true,
            "deactivating" => state == State::Stopped,
            _ => false,
        }
    }
}

fn properties(shown: &str) -> Map<String, Value> {
    shown
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

/// What `apply` does, and what tells later whether it was done.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    verbs: Vec<String>,
    force: bool,
    no_block: bool,
    /// The main process and its start, before.
    process: (String, String),
}

/// Refuses what systemctl would take for a pattern or an option.
pub(super) fn check_name(unit: &str) -> Result<(), ModuleError> {
    if let Some(sign) = ["*", "?", "["].iter().find(|sign| unit.contains(**sign)) {
        return Err(ModuleError::failed(format!(
            "This module does not currently support using glob patterns, found '{sign}' in service name: {unit}"
        )));
    }
    if unit.is_empty() || unit.starts_with('-') {
        return Err(ModuleError::failed(format!(
            "`{unit}` is not a unit's name"
        )));
    }
    Ok(())
}

/// The error for a unit that is not there.
pub(super) fn missing(unit: &str) -> ModuleError {
    ModuleError::failed(format!("Could not find the requested service {unit}: host"))
}

/// What is to be done.
pub(super) fn decide(
    cx: &Context,
    wanted: &Wanted,
    found: Option<&Found>,
) -> Result<Inspection, ModuleError> {
    let mut verbs = wanted.first.clone();
    let mut result = Map::new();
    let mut differences: Vec<Attribute> = Vec::new();
    result.insert(
        "name".to_owned(),
        wanted.unit.clone().map_or(Value::Null, Value::from),
    );
    if let (Some(unit), Some(found)) = (&wanted.unit, found) {
        check_found(cx, unit, wanted, found)?;
        let more = unit_verbs(wanted, found);
        differences = describe(wanted, found, &more);
        verbs.extend(more);
        if let Some(enabled) = wanted.enabled {
            result.insert("enabled".to_owned(), enabled.into());
        }
        if let Some(state) = wanted.state {
            result.insert("state".to_owned(), state.reached().into());
        }
    }
    let status = found.map(|found| found.status.clone()).unwrap_or_default();
    result.insert("status".to_owned(), Value::Object(status));
    let on_unit = verbs.len() > wanted.first.len();
    // As in Ansible, a reload of systemd is no change; so check mode has nothing to say about it.
    if verbs.is_empty() || (cx.check && !on_unit) {
        return Ok(Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        }));
    }
    let process = found.map_or_else(Default::default, process);
    let plan = Plan {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        force: wanted.force,
        no_block: wanted.no_block,
        process,
    };
    let unit = wanted.unit.clone().unwrap_or_default();
    let what = match (unit.as_str(), verbs.join(", ")) {
        ("", verbs) => verbs,
        (unit, verbs) => format!("{verbs} {unit}"),
    };
    Ok(Inspection::Change(Change {
        what,
        result,
        diff: Some(attributes(&unit, &differences))
            .filter(|text| cx.diff && !text.is_empty())
            .into_iter()
            .collect(),
        undo: Undo::Entries(vec![if on_unit {
            Entry::Service(unit)
        } else {
            // Unit files that were changed before this come back first, and systemd has to read them again.
            Entry::Command {
                phase: Phase::Settle,
                script: "systemctl daemon-reload".to_owned(),
            }
        }]),
        plan: serde_json::to_value(plan).map_err(|error| ModuleError::failed(error.to_string()))?,
        ..Change::default()
    }))
}

fn check_found(
    cx: &Context,
    unit: &str,
    wanted: &Wanted,
    found: &Found,
) -> Result<(), ModuleError> {
    if matches!(found.property("LoadState"), "error" | "bad-setting") {
        return Err(ModuleError::failed(format!(
            "Error loading unit file '{unit}': {}",
            found.property("LoadError")
        )));
    }
    let needs_unit = wanted.enabled.is_some() || wanted.state.is_some();
    if found.status.is_empty() && (wanted.state.is_some() || !found.is_there()) {
        return Err(ModuleError::failed(format!(
            "systemd does not answer on this host: {}",
            found.said.trim()
        )));
    }
    // systemd may know a new unit file only after it was told to look.
    let may_appear = wanted.first.contains(&"daemon-reload") && !cx.check;
    if needs_unit && !found.is_there() && !may_appear {
        return Err(missing(unit));
    }
    Ok(())
}

fn unit_verbs(wanted: &Wanted, found: &Found) -> Vec<&'static str> {
    let mut verbs = Vec::new();
    match wanted.masked {
        Some(true) if found.enablement != "masked" => verbs.push("mask"),
        Some(false) if found.enablement == "masked" => verbs.push("unmask"),
        _ => {}
    }
    match wanted.enabled {
        Some(true) if !found.enabled => verbs.push("enable"),
        Some(false) if found.enabled => verbs.push("disable"),
        _ => {}
    }
    verbs.extend(
        wanted
            .state
            .and_then(|state| state.verb(found.is_running(state))),
    );
    verbs
}

/// What differs, for `--diff`.
fn describe(wanted: &Wanted, found: &Found, verbs: &[&str]) -> Vec<Attribute> {
    let mut differences = Vec::new();
    if verbs.iter().any(|verb| verb.ends_with("mask")) {
        let masked = wanted.masked == Some(true);
        differences.push(("masked", (!masked).to_string(), masked.to_string()));
    }
    if verbs.iter().any(|verb| verb.ends_with("able")) {
        let enabled = wanted.enabled == Some(true);
        differences.push(("enabled", (!enabled).to_string(), enabled.to_string()));
    }
    if let Some(state) = wanted.state {
        let now = if found.is_running(state) {
            "started"
        } else {
            "stopped"
        };
        let then = match state {
            State::Restarted if verbs.contains(&"restart") => "restarted",
            State::Reloaded if verbs.contains(&"reload") => "reloaded",
            _ => state.reached(),
        };
        differences.push(("state", now.to_owned(), then.to_owned()));
    }
    differences
}

fn process(found: &Found) -> (String, String) {
    (
        found.property("MainPID").to_owned(),
        found.property("ExecMainStartTimestampMonotonic").to_owned(),
    )
}

/// Does it, in one round trip, up to the first command that fails.
pub(super) async fn apply(cx: &Context, change: Change) -> Result<Outcome, ModuleError> {
    let plan: Plan = serde_json::from_value(change.plan)
        .map_err(|error| ModuleError::failed(error.to_string()))?;
    let unit = change.result.get("name").and_then(Value::as_str);
    let unit = unit.map(str::to_owned);
    let unit = unit.as_deref();
    let output = cx.remote.run(script(&plan, unit)).await?;
    super::deliver::succeed(&output)?;
    if !output.stdout.is_empty() {
        return Err(failure(
            &mut Fields::new(&output.stdout),
            unit,
            change.result,
        )?);
    }
    Ok(Outcome {
        changed: plan.verbs.iter().any(|verb| !verb.starts_with("daemon-")),
        result: change.result,
        ..Outcome::default()
    })
}

fn script(plan: &Plan, unit: Option<&str>) -> String {
    let unit = unit.map(quote).unwrap_or_default();
    // Of a command that fails: its verb, status and words, then what the unit is, then its last words.
    let mut script = format!(
        r#"{}step() {{
  verb=$1
  shift
  said=$("$@" 2>&1) && return 0
  printf '%s\0%s\0%s\0' "$verb" "$?" "$said"
  log=
  case $verb in start|restart|reload|stop)
    log=$(journalctl -q --no-pager -n 10 -u {unit} 2>/dev/null)
    case $log in
      ''|'-- No entries --'*) log=$(systemctl status --no-pager -n 10 {unit} 2>/dev/null | tail -n 10) ;;
    esac ;;
  esac
  printf '%s\0%s\0' "$(show_unit {unit})" "$log"
  exit 0
}}
"#,
        functions()
    );
    for verb in &plan.verbs {
        let mut line = format!("step {verb} systemctl {verb}");
        if plan.no_block && !verb.ends_with("able") && !verb.ends_with("mask") {
            line.push_str(" --no-block");
        }
        if plan.force && matches!(verb.as_str(), "enable" | "mask") {
            line.push_str(" --force");
        }
        if !verb.starts_with("daemon-") {
            line.push(' ');
            line.push_str(&unit);
        }
        script.push_str(&line);
        script.push('\n');
    }
    script
}

fn failure(
    fields: &mut Fields,
    unit: Option<&str>,
    mut result: Map<String, Value>,
) -> Result<ModuleError, ModuleError> {
    let (verb, rc, said) = (fields.next()?, fields.next()?, fields.next()?);
    let (status, log) = (properties(&fields.next()?), fields.next()?);
    let (unit, said) = (unit.unwrap_or_default(), said.trim());
    let masking = verb.ends_with("mask");
    let is_missing = status.get("LoadState").and_then(Value::as_str) == Some("not-found");
    if is_missing && !verb.starts_with("daemon-") {
        return Ok(missing(unit));
    }
    let mut message = if verb.starts_with("daemon-") {
        format!("failure {rc} during {verb}: {said}")
    } else if masking {
        format!("Failed to {verb} the service ({unit}): {said}")
    } else {
        format!("Unable to {verb} service {unit}: {said}")
    };
    if !log.trim().is_empty() {
        message.push_str("\nits last lines:\n");
        message.push_str(log.trim_end());
    }
    // What was wished for was not reached.
    result.shift_remove("state");
    result.shift_remove("enabled");
    result.insert("rc".to_owned(), rc.parse::<i64>().unwrap_or(1).into());
    result.insert("status".to_owned(), Value::Object(status));
    Ok(ModuleError::Failed { message, result })
}

/// Whether a change that ends in a restart was made, though the answer was lost: the unit runs as another process now,
/// and nothing but the restart itself is left to do.
pub(super) fn was_restarted(planned: &Change, found: &Inspection) -> bool {
    let now = match found {
        Inspection::Done(_) => return true,
        Inspection::Change(now) => now,
    };
    let read = |change: &Change| serde_json::from_value::<Plan>(change.plan.clone());
    let (Ok(planned), Ok(now)) = (read(planned), read(now)) else {
        return false;
    };
    let of_unit = |plan: &Plan| -> Vec<String> {
        let verbs = plan.verbs.iter();
        verbs
            .filter(|verb| !verb.starts_with("daemon-"))
            .cloned()
            .collect()
    };
    of_unit(&now) == ["restart"]
        && matches!(
            of_unit(&planned).last().map(String::as_str),
            Some("restart" | "start")
        )
        && now.process != planned.process
}
