//! `windlass settings`: what a run in this folder would see, and where each value comes from.

use super::args::SettingsArgs;
use super::{CliError, output};
use crate::engine::exit_code;
use crate::plan::Window;
use crate::playbook::parse_duration;
use crate::settings::{Fallback, Kind, Origin, Resolved, Settings, Surroundings, TABLE, Value};
use crate::source::{Diagnostic, Diagnostics, Span, did_you_mean};
use serde_json::json;

/// Reads all settings of this process.
pub(super) fn read() -> Result<Settings, CliError> {
    let around = Surroundings::of_process()?;
    let settings = Settings::read(&around)?;
    check(&settings)?;
    Ok(settings)
}

/// Checks what only rooms above that of the settings can judge, so that a mistake is named where it stands.
fn check(settings: &Settings) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut judge = |name: &str, judged: &dyn Fn(&str) -> Result<(), String>| {
        let Some(Resolved {
            value: Some(Value::Text(text)),
            origin,
            ..
        }) = settings.get(name)
        else {
            return;
        };
        if let Err(why) = judged(text) {
            let message = format!("`{name}`: {why}");
            problems.push(match origin {
                Origin::Place(span) => Diagnostic::error("setting-value", message).at(span, ""),
                other => Diagnostic::error("setting-value", format!("{other}: {message}")),
            });
        }
    };
    judge("run.window", &|text| {
        Window::read(&Span::synthetic("window", text), super::window::local)
            .map(|_| ())
            .map_err(|wrong| wrong.message)
    });
    judge("run.window_pace", &|text| match parse_duration(text) {
        Some(_) => Ok(()),
        None => Err("not a time such as 90s, 20m or 1h".to_owned()),
    });
    problems.or(())
}

/// Says what the user should know before a run, one line each.
pub(super) fn warn(settings: &Settings) {
    for warning in &settings.warnings {
        output::warning(&warning.to_string());
    }
}

/// Shows settings.
pub(super) fn main(args: &SettingsArgs, settings: &Settings) -> Result<u8, CliError> {
    let mut shown: Vec<&Resolved> = match &args.name {
        None => settings.iter().collect(),
        Some(name) => named(name, settings)?,
    };
    if args.changed {
        shown.retain(|each| !matches!(each.origin, Origin::Default));
    }
    if args.json {
        let all: Vec<serde_json::Value> = shown.iter().map(|each| as_json(each)).collect();
        output::line(format!("{:#}", json!(all)))?;
        return Ok(exit_code::DONE);
    }
    for line in table(&shown) {
        output::line(line)?;
    }
    if shown.is_empty() {
        output::line("all settings have their defaults")?;
    }
    Ok(exit_code::DONE)
}

/// One setting by its name, or all of a table.
fn named<'a>(name: &str, settings: &'a Settings) -> Result<Vec<&'a Resolved>, CliError> {
    let found: Vec<&Resolved> = settings
        .iter()
        .filter(|each| each.setting.name == name || each.setting.table() == name)
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names = TABLE
        .iter()
        .flat_map(|setting| [setting.name, setting.table()]);
    let by_key = TABLE.iter().find(|setting| setting.key() == name);
    let near = by_key
        .map(|setting| setting.name)
        .or_else(|| did_you_mean(name, names));
    Err(CliError::usage(
        format!("there is no setting `{name}`"),
        match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`windlass settings` shows all that there are".to_owned(),
        },
    ))
}

/// Name, value and origin, in columns.
fn table(shown: &[&Resolved]) -> Vec<String> {
    let rows: Vec<[String; 3]> = shown
        .iter()
        .map(|each| {
            [
                each.setting.name.to_owned(),
                value(each),
                each.origin.to_string(),
            ]
        })
        .collect();
    let width = |column: usize| {
        let widths = rows
            .iter()
            .map(|row| console::measure_text_width(&row[column]));
        // A long list of paths must not push the last column out of sight for all.
        widths.filter(|width| *width <= 48).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    rows.iter()
        .map(|[name, value, origin]| {
            let value = console::pad_str(value, second, console::Alignment::Left, None);
            format!("{name:<first$}  {value}  {origin}")
        })
        .collect()
}

fn value(resolved: &Resolved) -> String {
    match (&resolved.value, resolved.setting.default) {
        (Some(Value::List(list)), _) if list.is_empty() => "[]".to_owned(),
        (Some(Value::Number(number)), _) => match resolved.setting.kind {
            Kind::Number {
                unit: "seconds", ..
            } => format!("{number} s"),
            _ => number.to_string(),
        },
        (Some(value), _) => value.to_string(),
        (None, Fallback::Unset(words)) => format!("({words})"),
        (None, Fallback::Value(text)) => text.to_owned(),
    }
}

fn as_json(resolved: &Resolved) -> serde_json::Value {
    let value = resolved.value.as_ref().map(Value::to_json);
    let mut whole = json!({
        "name": resolved.setting.name,
        "value": value,
        "origin": match &resolved.origin {
            Origin::Variable(_) => "environment",
            Origin::Place(_) => "file",
            Origin::Default => "default",
        },
    });
    match &resolved.origin {
        Origin::Variable(name) => whole["variable"] = json!(name),
        Origin::Place(span) => {
            whole["file"] = json!(span.source().path().display().to_string());
            whole["line"] = json!(span.position().line);
        }
        Origin::Default => {}
    }
    whole
}
