//! What holds in the end, and where it comes from.

use super::setting::{Fallback, Setting};
use super::table::TABLE;
use super::value::Value;
use crate::source::{Diagnostic, Diagnostics, Span};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A variable of the environment.
    Variable(String),
    /// A place in a settings file.
    Place(Span),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    /// Writes `windlass.toml:3`, `environment WINDLASS_FORKS` or `default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Place(span) => {
                let path = span.source().path().display();
                write!(f, "{path}:{}", span.position().line)
            }
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting with its value.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Which one.
    pub setting: &'static Setting,
    /// Its value, or `None` where nobody gave one and there is no default.
    pub value: Option<Value>,
    /// Where that comes from.
    pub origin: Origin,
}

/// What one source says of a setting. Whether a mistake in it matters depends on whether something stronger is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) value: Result<Value, Diagnostic>,
    pub(super) origin: Origin,
}

/// What one source says, by the settings' names.
pub(super) type Layer = HashMap<&'static str, Found>;

/// All settings, each with its value and where it comes from.
#[derive(Debug, Clone)]
pub struct Settings {
    all: Vec<Resolved>,
    /// The files that were read, the strongest first.
    pub files: Vec<PathBuf>,
    /// What the user should know before a run, such as keys of `ansible.cfg` that are not taken over.
    pub warnings: Diagnostics,
}

impl Settings {
    /// Nothing but defaults: what holds where no file and no variable says anything.
    pub fn defaults() -> Self {
        Self {
            all: TABLE.iter().map(default_of).collect(),
            files: Vec::new(),
            warnings: Diagnostics::new(),
        }
    }

    /// The first of `layers` that says something counts. Mistakes that count are added to `problems`.
    pub(super) fn pick(layers: &[Layer], problems: &mut Diagnostics) -> Self {
        let mut settings = Self::defaults();
        for resolved in &mut settings.all {
            let mut found = layers.iter().filter_map(|it| it.get(resolved.setting.name));
            match found.next() {
                None => {}
                Some(Found {
                    value: Ok(value),
                    origin,
                }) => {
                    resolved.value = Some(value.clone());
                    resolved.origin = origin.clone();
                }
                Some(Found {
                    value: Err(problem),
                    ..
                }) => problems.push(problem.clone()),
            }
        }
        settings
    }

    /// These, with the defaults in place of those that are not `wanted`.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&Setting) -> bool) -> Self {
        let mut settings = self.clone();
        for resolved in &mut settings.all {
            if !wanted(resolved.setting) {
                *resolved = default_of(resolved.setting);
            }
        }
        settings
    }

    /// All of them, in the order of the table.
    pub fn iter(&self) -> std::slice::Iter<'_, Resolved> {
        self.all.iter()
    }

    /// The one called `name`.
    pub fn get(&self, name: &str) -> Option<&Resolved> {
        self.all.iter().find(|each| each.setting.name == name)
    }
}

impl<'a> IntoIterator for &'a Settings {
    type Item = &'a Resolved;
    type IntoIter = std::slice::Iter<'a, Resolved>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn default_of(setting: &'static Setting) -> Resolved {
    let value = match setting.default {
        // A test checks that each default fits its kind.
        Fallback::Value(text) => Value::parse(setting.kind, text).ok(),
        Fallback::Unset(_) => None,
    };
    Resolved {
        setting,
        value,
        origin: Origin::Default,
    }
}
