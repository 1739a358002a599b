//! Settings in the environment: our own variables, and Ansible's.

use super::foreign;
use super::paths::placed;
use super::places::Surroundings;
use super::resolved::{Found, Layer, Origin};
use super::table::TABLE;
use super::value::{Value, Wrong};
use crate::source::{Diagnostic, Diagnostics, did_you_mean};

/// The names of all variables that settings are read from, and of those that say where settings files are.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let own = TABLE.iter().map(|setting| setting.variable);
    let foreign = TABLE.iter().flat_map(|setting| setting.ansible);
    own.chain(foreign.flat_map(|foreign| foreign.variables.iter().copied()))
        .chain(["ANSIBLE_CONFIG", "XDG_CONFIG_HOME"])
}

/// What `WINDLASS_*` says. Mistakes go to `problems`; a variable that is probably misspelt to `warnings`.
pub(super) fn own(
    around: &Surroundings,
    problems: &mut Diagnostics,
    warnings: &mut Diagnostics,
) -> Layer {
    let mut layer = Layer::new();
    for setting in TABLE {
        let Some(text) = around.variable(setting.variable) else {
            continue;
        };
        match Value::parse(setting.kind, text) {
            Ok(value) => {
                let found = Found {
                    value: Ok(placed(setting.kind, value, None, around)),
                    origin: Origin::Variable(setting.variable.to_owned()),
                };
                layer.insert(setting.name, found);
            }
            Err(wrong) => problems.push(problem(setting.variable, wrong)),
        }
    }
    for name in around.variables.keys() {
        let is_known = TABLE.iter().any(|setting| setting.variable == name);
        if is_known || !name.starts_with("WINDLASS_") {
            continue;
        }
        // The start is the same for all, so it must not make them near.
        let words = TABLE
            .iter()
            .filter_map(|it| it.variable.strip_prefix("WINDLASS_"));
        if let Some(near) = did_you_mean(name.trim_start_matches("WINDLASS_"), words) {
            warnings.push(Diagnostic::warning(
                "unknown-variable",
                format!(
                    "the environment variable {name} means nothing; did you mean WINDLASS_{near}?"
                ),
            ));
        }
    }
    layer
}

/// What Ansible's variables say that mean the same.
pub(super) fn ansible(around: &Surroundings) -> Layer {
    let mut layer = Layer::new();
    for setting in TABLE {
        let variables = setting
            .ansible
            .iter()
            .flat_map(|foreign| foreign.variables.iter().map(move |name| (foreign, *name)));
        for (foreign, name) in variables {
            let value = around
                .variable(name)
                .and_then(|text| foreign::value(setting, foreign, text, None, around));
            if let Some(value) = value {
                let found = Found {
                    value: value.map_err(|wrong| problem(name, wrong)),
                    origin: Origin::Variable(name.to_owned()),
                };
                layer.entry(setting.name).or_insert(found);
            }
        }
    }
    layer
}

fn problem(name: &str, wrong: Wrong) -> Diagnostic {
    let message = format!("environment variable {name}: {}", wrong.message);
    let mut problem = Diagnostic::error("environment", message);
    problem.hints.extend(wrong.hint);
    problem
}
