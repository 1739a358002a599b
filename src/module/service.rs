//! `service`: services, whatever starts them on the host.

use super::init_script::{self, Init};
use super::parameter::{optional, required};
use super::remote_stat::Fields;
use super::unit::{self, State, Wanted};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

/// The module.
#[derive(Debug)]
pub(super) struct Service;

static SPEC: Spec = Spec {
    name: "service",
    summary: "starts, stops and enables services",
    free_form: FreeForm::No,
    parameters: &[
        Parameter {
            aliases: &["args"],
            ..optional("arguments", Kind::String, "not supported")
        },
        optional("enabled", Kind::Bool, "start the service at boot"),
        required("name", Kind::String, "the service"),
        optional("pattern", Kind::String, "not supported"),
        optional("runlevel", Kind::String, "not supported"),
        optional(
            "sleep",
            Kind::Int,
            "seconds between the stop and the start of a restart, where scripts do it; systemd needs none",
        ),
        Parameter {
            choices: &["reloaded", "restarted", "started", "stopped"],
            ..optional(
                "state",
                Kind::String,
                "what the service is to be; `restarted` and `reloaded` act each time, and start one that is stopped",
            )
        },
        Parameter {
            choices: &["auto", "openrc", "systemd", "sysvinit"],
            ..optional(
                "use",
                Kind::String,
                "what starts services on the host; `auto` by default",
            )
        },
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    #[serde(rename = "arguments")]
    words: Option<Value>,
    enabled: Option<bool>,
    name: String,
    pattern: Option<Value>,
    runlevel: Option<Value>,
    sleep: Option<u32>,
    state: Option<State>,
    #[serde(rename = "use")]
    init: Option<String>,
}

impl Arguments {
    fn check(&self) -> Result<(), ModuleError> {
        for (name, value) in [
            ("arguments", &self.words),
            ("pattern", &self.pattern),
            ("runlevel", &self.runlevel),
        ] {
            if value.is_some() {
                return Err(ModuleError::failed(format!("`{name}` is not supported")));
            }
        }
        if self.state.is_none() && self.enabled.is_none() {
            return Err(ModuleError::failed(
                "one of the following is required: state, enabled",
            ));
        }
        if self.name.contains('/') {
            return Err(ModuleError::failed(format!(
                "`{}` is not a service's name",
                self.name
            )));
        }
        unit::check_name(&self.name)
    }
}

/// `find_init`: which init system answers for a service, in one word. What is asked is what counts, not what is installed.
const FIND_INIT: &str = r#"find_init() {
  if command -v systemctl >/dev/null 2>&1; then
    case $(systemctl show -p LoadState "$1" 2>/dev/null) in *LoadState=*) echo systemd; return ;; esac
  fi
  if command -v rc-service >/dev/null 2>&1; then echo openrc
  elif [ -x "$etc/init.d/$1" ] || ! command -v systemctl >/dev/null 2>&1; then echo sysvinit
  else echo systemd
  fi
}
"#;

async fn inspect(
    cx: &Context,
    arguments: &Arguments,
    etc: &str,
) -> Result<Inspection, ModuleError> {
    arguments.check()?;
    let name = quote(&arguments.name);
    let choose = match arguments.init.as_deref() {
        None | Some("auto") => format!("$(find_init {name})"),
        Some(init) => init.to_owned(),
    };
    let script = format!(
        "{}{}etc={}\n{FIND_INIT}init={choose}\nprintf '%s\\0' \"$init\"\n\
         case $init in systemd) look_at_unit {name} ;; *) look_at_service \"$init\" {name} ;; esac\n",
        unit::functions(),
        init_script::FUNCTIONS,
        quote(etc)
    );
    let output = cx.remote.run(script).await?;
    super::deliver::succeed(&output)?;
    let mut fields = Fields::new(&output.stdout);
    let init = match fields.next()?.as_str() {
        "openrc" => Init::OpenRc,
        "sysvinit" => Init::Scripts {
            etc: etc.to_owned(),
        },
        _ => {
            let found = unit::Found::read(&mut fields)?;
            let wanted = Wanted {
                unit: Some(arguments.name.clone()),
                state: arguments.state,
                enabled: arguments.enabled,
                ..Wanted::default()
            };
            return unit::decide(cx, &wanted, Some(&found));
        }
    };
    let found = init_script::Found::read(&mut fields)?;
    let wanted = init_script::Wanted {
        name: &arguments.name,
        state: arguments.state,
        enabled: arguments.enabled,
        sleep: arguments.sleep,
    };
    init_script::decide(cx, &init, &wanted, &found)
}

#[async_trait]
impl Module for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        inspect(cx, &params.parse()?, "/etc").await
    }

    async fn apply(
        &self,
        cx: &Context,
        _: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        if init_script::made(&change) {
            init_script::apply(cx, change).await
        } else {
            unit::apply(cx, change).await
        }
    }

    fn was_applied(&self, planned: &Change, found: &Inspection) -> bool {
        // A script's restart leaves nothing to tell it by.
        unit::was_restarted(planned, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use crate::module::unit_fake::Units;
    use serde_json::json;
    use std::fs;

    #[test]
    fn systemd_is_asked_where_it_answers() {
        on_both(async |host: Host| {
            let units = Units::new(&host, ["loaded", "active", "disabled"]);
            let params =
                json!({"name": "kubelet", "state": "restarted", "enabled": true, "sleep": 1});
            let planned = host.planned(&Service, params.clone()).await;
            let outcome = host.change(&Service, params.clone()).await;
            assert_eq!(units.calls(), ["enable kubelet", "restart kubelet"]);
            assert_eq!(outcome.result["state"], "started");
            let found = host.inspect(&Service, params).await.unwrap();
            assert!(Service.was_applied(&planned, &found));
            let params = json!({"name": "kubelet", "state": "started"});
            host.done(&Service, params).await;
        });
    }

    /// An init script that keeps its state beside itself.
    const INIT_SCRIPT: &str = "#!/bin/sh\necho \"$1\" >>\"$0.calls\"\ncase $1 in\n\
        start) [ ! -e \"$0.broken\" ] || { echo 'no luck'; exit 1; }; : >\"$0.on\" ;;\n\
        stop) rm -f \"$0.on\" ;;\n\
        restart|reload) ;;\n\
        status) [ -e \"$0.on\" ] || exit 3 ;;\nesac\n";

    #[test]
    fn init_scripts_are_run_where_there_is_no_systemd() {
        on_both(async |host: Host| {
            // Not a systemctl that could answer for a unit.
            host.tool("systemctl", "#!/bin/sh\nexit 1\n");
            fs::create_dir_all(host.text("etc/init.d")).unwrap();
            fs::create_dir_all(host.text("etc/rc2.d")).unwrap();
            let script = host.text("etc/init.d/app");
            host.tool("app", INIT_SCRIPT);
            host.cx
                .remote
                .run(format!("cp \"$(command -v app)\" {}", quote(&script)))
                .await
                .unwrap();
            host.tool(
                "update-rc.d",
                &format!(
                    "#!/bin/sh\ncase $2 in enable) : >'{0}/S01app' ;; disable) rm -f '{0}/S01app' ;; esac\n",
                    host.text("etc/rc2.d")
                ),
            );
            let calls = || fs::read_to_string(format!("{script}.calls")).unwrap();
            let etc = host.text("etc");
            let run = async |params: Value| {
                let params = super::super::coerce(&SPEC, params.as_object().unwrap())?;
                match inspect(&host.cx, &params.parse()?, &etc).await? {
                    Inspection::Done(outcome) => Ok(outcome),
                    Inspection::Change(change) => Service.apply(&host.cx, &params, change).await,
                }
            };
            let params = json!({"name": "app", "state": "started", "enabled": true, "use": "auto"});
            let outcome = run(params.clone()).await.unwrap();
            assert!(outcome.changed);
            assert_eq!(outcome.result["state"], "started");
            assert!(fs::exists(host.text("etc/rc2.d/S01app")).unwrap());
            assert!(!run(params).await.unwrap().changed);
            let params = json!({"name": "app", "state": "restarted", "sleep": 0});
            assert!(run(params).await.unwrap().changed);
            assert_eq!(calls(), "status\nstart\nstatus\nstatus\nstop\nstart\n");
            fs::write(format!("{script}.broken"), "").unwrap();
            fs::remove_file(format!("{script}.on")).unwrap();
            let error = run(json!({"name": "app", "state": "started"}))
                .await
                .unwrap_err();
            assert_eq!(error.to_string(), "Unable to start service app: no luck");
            let error = run(json!({"name": "other", "state": "started", "use": "sysvinit"})).await;
            assert_eq!(
                error.unwrap_err().to_string(),
                "Could not find the requested service other: host"
            );
        });
    }

    #[test]
    fn openrc_services_go_back_to_what_they_were() {
        on_both(async |host: Host| {
            host.tool("systemctl", "#!/bin/sh\nexit 1\n");
            host.tool("app", INIT_SCRIPT);
            host.tool(
                "rc-service",
                "#!/bin/sh\n[ \"$1\" != -e ] || { [ \"$2\" = app ]; exit; }\nexec \"$1\" \"$2\"\n",
            );
            let levels = host.text("levels");
            fs::write(&levels, "").unwrap();
            host.tool(
                "rc-update",
                &format!(
                    "#!/bin/sh\ncase $1 in show) cat '{levels}' ;; add) echo \"  $2 | default\" >'{levels}' ;; \
                     del) : >'{levels}' ;; esac\n"
                ),
            );
            let params = json!({"name": "app", "state": "started", "enabled": true});
            let change = host.planned(&Service, params.clone()).await;
            assert_eq!(change.what, "enable, start app");
            host.change(&Service, params.clone()).await;
            host.done(&Service, params).await;
            assert_eq!(fs::read_to_string(&levels).unwrap(), "  app | default\n");
            host.revert().await;
            assert_eq!(fs::read_to_string(&levels).unwrap(), "");
            let params = json!({"name": "app", "state": "stopped"});
            host.done(&Service, params).await;
            let error = host
                .inspect(&Service, json!({"name": "b", "state": "stopped"}))
                .await;
            assert_eq!(
                error.unwrap_err().to_string(),
                "Could not find the requested service b: host"
            );
        });
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        on_both(async |host: Host| {
            for (params, said) in [
                (
                    json!({"name": "a"}),
                    "one of the following is required: state, enabled",
                ),
                (
                    json!({"name": "a", "state": "started", "pattern": "x"}),
                    "`pattern` is not supported",
                ),
                (
                    json!({"name": "a", "state": "started", "args": "x"}),
                    "`arguments` is not supported",
                ),
                (
                    json!({"name": "../a", "state": "started"}),
                    "not a service's name",
                ),
            ] {
                let error = host
                    .inspect(&Service, params)
                    .await
                    .unwrap_err()
                    .to_string();
                assert!(error.contains(said), "{error}");
            }
        });
    }
}
