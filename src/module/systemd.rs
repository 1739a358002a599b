//! `systemd`: units of the system's systemd.

use super::parameter::optional;
use super::remote_stat::Fields;
use super::unit::{self, State, Wanted};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde::Deserialize;

/// The module.
#[derive(Debug)]
pub(super) struct Systemd;

static SPEC: Spec = Spec {
    name: "systemd",
    summary: "starts, stops, enables and masks systemd units",
    free_form: FreeForm::No,
    parameters: &[
        Parameter {
            aliases: &["daemon-reexec"],
            ..optional(
                "daemon_reexec",
                Kind::Bool,
                "have systemd execute itself anew first; false by default",
            )
        },
        Parameter {
            aliases: &["daemon-reload"],
            ..optional(
                "daemon_reload",
                Kind::Bool,
                "have systemd read its unit files anew first; false by default",
            )
        },
        optional("enabled", Kind::Bool, "start the unit at boot"),
        optional(
            "force",
            Kind::Bool,
            "replace links that are in the way; false by default",
        ),
        optional("masked", Kind::Bool, "make it impossible to start the unit"),
        Parameter {
            aliases: &["service", "unit"],
            ..optional("name", Kind::String, "the unit")
        },
        optional(
            "no_block",
            Kind::Bool,
            "do not wait for the unit to get there; false by default",
        ),
        Parameter {
            choices: &["system", "user", "global"],
            ..optional(
                "scope",
                Kind::String,
                "whose systemd; only `system` is supported",
            )
        },
        Parameter {
            choices: &["reloaded", "restarted", "started", "stopped"],
            ..optional(
                "state",
                Kind::String,
                "what the unit is to be; `restarted` and `reloaded` act each time, and start a unit that is stopped",
            )
        },
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    daemon_reexec: Option<bool>,
    daemon_reload: Option<bool>,
    enabled: Option<bool>,
    force: Option<bool>,
    masked: Option<bool>,
    name: Option<String>,
    no_block: Option<bool>,
    scope: Option<String>,
    state: Option<State>,
}

impl Arguments {
    fn wanted(self) -> Result<Wanted, ModuleError> {
        if let Some(scope) = self.scope.filter(|scope| scope != "system") {
            return Err(ModuleError::failed(format!(
                "`scope: {scope}` is not supported: only units of the system"
            )));
        }
        let mut first = Vec::new();
        if self.daemon_reload == Some(true) {
            first.push("daemon-reload");
        }
        if self.daemon_reexec == Some(true) {
            first.push("daemon-reexec");
        }
        let asked = [
            ("state", self.state.is_some()),
            ("enabled", self.enabled.is_some()),
            ("masked", self.masked.is_some()),
        ];
        let given = self.daemon_reload.or(self.daemon_reexec).is_some();
        if !given && asked.iter().all(|(_, asked)| !asked) {
            return Err(ModuleError::failed(
                "one of the following is required: state, enabled, masked, daemon_reload, daemon_reexec",
            ));
        }
        match (&self.name, asked.iter().find(|(_, asked)| *asked)) {
            (Some(name), _) => unit::check_name(name)?,
            (None, Some((parameter, _))) => {
                return Err(ModuleError::failed(format!(
                    "missing parameter(s) required by '{parameter}': name"
                )));
            }
            (None, None) => {}
        }
        Ok(Wanted {
            unit: self.name,
            state: self.state,
            enabled: self.enabled,
            masked: self.masked,
            first,
            force: self.force.unwrap_or(false),
            no_block: self.no_block.unwrap_or(false),
        })
    }
}

#[async_trait]
impl Module for Systemd {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let wanted = params.parse::<Arguments>()?.wanted()?;
        let mut script = unit::functions();
        script.push_str(
            "command -v systemctl >/dev/null 2>&1 || { echo 'there is no systemctl on this host' >&2; exit 1; }\n",
        );
        if let Some(unit) = &wanted.unit {
            script.push_str("look_at_unit ");
            script.push_str(&quote(unit));
        }
        let output = cx.remote.run(script).await?;
        super::deliver::succeed(&output)?;
        let found = match wanted.unit {
            Some(_) => Some(unit::Found::read(&mut Fields::new(&output.stdout))?),
            None => None,
        };
        unit::decide(cx, &wanted, found.as_ref())
    }

    async fn apply(
        &self,
        cx: &Context,
        _: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        unit::apply(cx, change).await
    }

    fn was_applied(&self, planned: &Change, found: &Inspection) -> bool {
        unit::was_restarted(planned, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use crate::module::unit_fake::Units;
    use serde_json::{Value, json};

    fn message(error: &ModuleError) -> String {
        error.to_string()
    }

    #[test]
    fn one_look_and_one_script_bring_a_unit_where_it_is_wanted() {
        let started = json!({"name": "kubelet", "state": "started", "enabled": true});
        on_both(async |host: Host| {
            for (before, params, calls, what) in [
                (
                    ["loaded", "inactive", "disabled"],
                    started.clone(),
                    vec!["enable kubelet", "start kubelet"],
                    "enable, start kubelet",
                ),
                (
                    ["loaded", "deactivating", "enabled"],
                    json!({"unit": "kubelet", "state": "stopped", "masked": true, "no_block": true, "force": true}),
                    vec!["mask --force kubelet", "stop --no-block kubelet"],
                    "mask, stop kubelet",
                ),
                (
                    ["masked", "failed", "masked"],
                    json!({"service": "kubelet", "masked": false, "state": "restarted", "daemon_reload": true}),
                    vec!["daemon-reload", "unmask kubelet", "start kubelet"],
                    "daemon-reload, unmask, start kubelet",
                ),
                (
                    ["loaded", "active", "static"],
                    json!({"name": "kubelet", "state": "reloaded", "enabled": true}),
                    vec!["reload kubelet"],
                    "reload kubelet",
                ),
            ] {
                let units = Units::new(&host, before);
                let planned = host.planned(&Systemd, params.clone()).await;
                assert_eq!(planned.what, what);
                assert_eq!(units.calls(), Vec::<String>::new());
                let trips = host.round_trips();
                let outcome = host.change(&Systemd, params).await;
                // Looking, recording the undo, acting.
                assert_eq!(host.round_trips() - trips, 3);
                assert_eq!(units.calls(), calls);
                assert_eq!(outcome.result["name"], "kubelet");
                // As in Ansible, `status` is what was found.
                assert_eq!(outcome.result["status"]["ActiveState"], before[1]);
            }
            let units = Units::new(&host, ["loaded", "active", "enabled"]);
            let done = host.done(&Systemd, started.clone()).await;
            assert_eq!(done.result["enabled"], true);
            assert_eq!(done.result["state"], "started");
            assert_eq!(done.result["status"]["LoadState"], "loaded");
            assert!(units.calls().is_empty());
        });
    }

    #[test]
    fn what_was_done_is_taken_back() {
        on_both(async |host: Host| {
            let units = Units::new(&host, ["loaded", "active", "enabled"]);
            let params = json!({"name": "kubelet", "state": "stopped", "enabled": false});
            let change = host.planned(&Systemd, params.clone()).await;
            assert!(
                change.diff[0]
                    .contains("-enabled: true\n-state: started\n+enabled: false\n+state: stopped")
            );
            host.change(&Systemd, params).await;
            assert_eq!(units.now(), ["loaded", "inactive", "disabled"]);
            host.revert().await;
            assert_eq!(units.now(), ["loaded", "active", "enabled"]);
        });
    }

    #[test]
    fn a_reload_of_systemd_alone_is_no_change_and_check_mode_does_without() {
        on_both(async |mut host: Host| {
            let units = Units::new(&host, ["loaded", "active", "enabled"]);
            let params = json!({"daemon_reload": true, "daemon_reexec": true});
            let outcome = host.apply(&Systemd, params.clone()).await.unwrap();
            assert!(!outcome.changed);
            assert_eq!(outcome.result["name"], Value::Null);
            assert_eq!(units.calls(), ["daemon-reload", "daemon-reexec"]);
            host.cx.check = true;
            host.done(&Systemd, params).await;
        });
    }

    #[test]
    fn a_missing_unit_may_appear_when_systemd_looks_again() {
        on_both(async |mut host: Host| {
            let units = Units::new(&host, ["not-found", "inactive", ""]);
            let params = json!({"name": "x", "state": "started"});
            let error = host.inspect(&Systemd, params).await.unwrap_err();
            assert_eq!(
                message(&error),
                "Could not find the requested service x: host"
            );
            let params = json!({"name": "x", "state": "started", "daemon_reload": true});
            let error = host.apply(&Systemd, params.clone()).await.unwrap_err();
            assert_eq!(
                message(&error),
                "Could not find the requested service x: host"
            );
            units.appears_on_reload();
            host.change(&Systemd, params.clone()).await;
            assert_eq!(units.now(), ["loaded", "active", "disabled"]);
            let units = Units::new(&host, ["not-found", "inactive", ""]);
            host.cx.check = true;
            assert!(host.inspect(&Systemd, params).await.is_err());
            drop(units);
        });
    }

    #[test]
    fn a_failed_start_shows_the_last_lines_of_the_log() {
        on_both(async |host: Host| {
            let units = Units::new(&host, ["loaded", "inactive", "disabled"]);
            units.breaks("start");
            for log in ["line 1\nline 2", ""] {
                units.logs(log);
                let params = json!({"name": "kubelet", "state": "started"});
                let error = host.apply(&Systemd, params).await.unwrap_err();
                let ModuleError::Failed { message, result } = error else {
                    panic!("{error}");
                };
                let last = if log.is_empty() { "from status" } else { log };
                assert_eq!(
                    message,
                    format!(
                        "Unable to start service kubelet: Job failed.\nits last lines:\n{last}"
                    )
                );
                assert_eq!(result["status"]["ActiveState"], "failed");
                assert_eq!(result["rc"], 1);
                assert!(!result.contains_key("state"));
            }
            units.breaks("daemon-reload");
            let error = host.apply(&Systemd, json!({"daemon_reload": true})).await;
            assert_eq!(
                message(&error.unwrap_err()),
                "failure 1 during daemon-reload: Job failed."
            );
        });
    }

    #[test]
    fn a_restart_whose_answer_was_lost_is_recognised_by_its_process() {
        on_both(async |host: Host| {
            let _units = Units::new(&host, ["loaded", "active", "enabled"]);
            let params = json!({"name": "kubelet", "state": "restarted"});
            let planned = host.planned(&Systemd, params.clone()).await;
            let found = host.inspect(&Systemd, params.clone()).await.unwrap();
            assert!(!Systemd.was_applied(&planned, &found));
            host.change(&Systemd, params.clone()).await;
            let found = host.inspect(&Systemd, params.clone()).await.unwrap();
            assert!(Systemd.was_applied(&planned, &found));
            // Something else is left to do as well, so it did not get to the end.
            let more = json!({"name": "kubelet", "state": "restarted", "enabled": false});
            let found = host.inspect(&Systemd, more).await.unwrap();
            assert!(!Systemd.was_applied(&planned, &found));
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        on_both(async |host: Host| {
            let _units = Units::new(&host, ["bad-setting", "inactive", "disabled"]);
            for (params, said) in [
                (json!({"name": "x"}), "one of the following is required"),
                (
                    json!({"state": "started"}),
                    "missing parameter(s) required by 'state': name",
                ),
                (
                    json!({"name": "a*", "state": "started"}),
                    "glob patterns, found '*'",
                ),
                (
                    json!({"name": "-a", "state": "started"}),
                    "not a unit's name",
                ),
                (
                    json!({"name": "a", "state": "started", "scope": "user"}),
                    "`scope: user` is not supported",
                ),
                (json!({"name": "a", "state": "up"}), "must be one of"),
                (
                    json!({"name": "a", "state": "started"}),
                    "Error loading unit file 'a'",
                ),
            ] {
                let error = host.inspect(&Systemd, params).await.unwrap_err();
                assert!(message(&error).contains(said), "{error}");
            }
        });
    }

    #[test]
    fn a_host_whose_systemd_does_not_run_can_still_enable() {
        on_both(async |host: Host| {
            let units = Units::new(&host, ["loaded", "inactive", "disabled"]);
            units.breaks("show");
            let params = json!({"name": "kubelet", "state": "started"});
            let error = host.inspect(&Systemd, params).await.unwrap_err();
            assert_eq!(
                message(&error),
                "systemd does not answer on this host: Job failed."
            );
            let params = json!({"name": "kubelet", "enabled": true});
            assert_eq!(host.planned(&Systemd, params).await.what, "enable kubelet");
        });
    }
}
