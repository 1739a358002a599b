//! `windlass.toml`: read whole, with all its mistakes.

use super::hidden::{covered, is_secret};
use super::paths::placed;
use super::places::Surroundings;
use super::resolved::{Found, Layer, Origin};
use super::setting::{Kind, Setting};
use super::table::TABLE;
use super::value::{Value, Wrong};
use crate::source::{Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What the file says. Its mistakes go to `problems`, whether or not something stronger overrides the value: the file is
/// ours, so what stands there is to be right.
pub(super) fn read(path: &Path, around: &Surroundings, problems: &mut Diagnostics) -> Layer {
    let text = match std::fs::read_to_string(around.folder.join(path)) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("{}: {error}", path.display());
            problems.push(Diagnostic::error("settings-file", message));
            return Layer::new();
        }
    };
    let mut file = File {
        source: SourceFile::new(path, covered(&text)),
        path,
        around,
        problems,
        layer: Layer::new(),
    };
    let (document, errors) = DeTable::parse_recoverable(&text);
    if errors.is_empty() {
        file.document(document.get_ref());
    }
    for error in errors {
        let span = file.span(error.span().unwrap_or_default());
        let problem = Diagnostic::error("toml", error.message()).at(&span, "");
        file.problems.push(problem);
    }
    file.layer
}

/// One file while it is read.
struct File<'a> {
    source: Arc<SourceFile>,
    path: &'a Path,
    around: &'a Surroundings,
    problems: &'a mut Diagnostics,
    layer: Layer,
}

impl File<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source.clone(), range.start, range.end)
    }

    fn document(&mut self, document: &DeTable) {
        let mut tables: Vec<_> = document.iter().collect();
        // In the order of the file, so that mistakes come in that order.
        tables.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in tables {
            let place = self.span(name.span());
            let name = name.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) if is_table(name) => self.table(name, table),
                DeValue::Table(_) => self.problems.push(unknown_table(name, &place)),
                _ => self.problems.push(outside(name, &place)),
            }
        }
    }

    fn table(&mut self, table: &str, entries: &DeTable) {
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let place = self.span(key.span());
            let key = key.get_ref().as_ref();
            let setting = TABLE
                .iter()
                .find(|it| it.table() == table && it.key() == key);
            match setting {
                Some(setting) => self.entry(setting, &place, value),
                None => self.problems.push(unknown_key(table, key, &place)),
            }
        }
    }

    fn entry(&mut self, setting: &'static Setting, key: &Span, value: &Spanned<DeValue>) {
        let folder = self.path.parent();
        match value_of(setting.kind, value) {
            Ok(value) => {
                let value = placed(setting.kind, value, folder, self.around);
                let found = Found {
                    value: Ok(value),
                    origin: Origin::Place(key.clone()),
                };
                self.layer.insert(setting.name, found);
            }
            Err((wrong, range)) => {
                let message = format!("`{}`: {}", setting.name, wrong.message);
                let mut problem =
                    Diagnostic::error("setting-value", message).at(&self.span(range), "");
                problem.hints.extend(wrong.hint);
                self.problems.push(problem);
            }
        }
    }
}

/// The value, or what is wrong with it and where.
fn value_of(kind: Kind, value: &Spanned<DeValue>) -> Result<Value, (Wrong, Range<usize>)> {
    let here = |wrong: Wrong| (wrong, value.span());
    let is_list = matches!(
        kind,
        Kind::Paths | Kind::Labelled | Kind::Sources | Kind::Words | Kind::Choices(_)
    );
    match value.get_ref() {
        DeValue::Boolean(on) if kind == Kind::Flag => Ok(Value::Flag(*on)),
        DeValue::Integer(number) if matches!(kind, Kind::Number { .. }) => {
            match u64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::number(kind, number).map_err(here),
                Err(_) => Err(here(Wrong::expected(kind, number.as_str()))),
            }
        }
        DeValue::String(text) if is_list => word(kind, text)
            .map(|text| Value::List(vec![text]))
            .map_err(here),
        DeValue::String(text) if !matches!(kind, Kind::Flag | Kind::Number { .. }) => {
            Value::text(kind, text).map_err(here)
        }
        DeValue::Array(items) if is_list => {
            if items.is_empty() && kind == Kind::Sources {
                return Err(here(Wrong::expected(kind, "an empty list")));
            }
            let item = |item: &Spanned<DeValue>| match item.get_ref() {
                DeValue::String(text) => word(kind, text).map_err(|wrong| (wrong, item.span())),
                other => Err((Wrong::expected(kind, described(other)), item.span())),
            };
            items
                .iter()
                .map(item)
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        other => Err(here(Wrong::expected(kind, described(other)))),
    }
}

/// One item of a list.
fn word(kind: Kind, text: &str) -> Result<String, Wrong> {
    if let Kind::Choices(words) = kind
        && !words.contains(&text)
    {
        return Err(Wrong::choice(kind, words, text));
    }
    match text {
        "" => Err(Wrong::expected(kind, "an empty text")),
        text => Ok(text.to_owned()),
    }
}

/// What stands there instead; never the value, which may be a secret at the wrong place.
fn described(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn tables() -> BTreeSet<&'static str> {
    TABLE.iter().map(Setting::table).collect()
}

fn is_table(name: &str) -> bool {
    tables().contains(name)
}

fn unknown_table(name: &str, place: &Span) -> Diagnostic {
    let problem = Diagnostic::error("unknown-table", format!("there is no table `[{name}]`"))
        .at(place, "not known");
    let is_foreign = TABLE
        .iter()
        .flat_map(|setting| setting.ansible)
        .any(|foreign| foreign.section == name);
    problem.hint(match did_you_mean(name, tables()) {
        _ if is_foreign => format!("`[{name}]` is a section of ansible.cfg, which is read too"),
        Some(near) => format!("did you mean `[{near}]`?"),
        None => {
            let tables: Vec<String> = tables().iter().map(|it| format!("`[{it}]`")).collect();
            format!("there are {}", tables.join(", "))
        }
    })
}

/// A key before the first table.
fn outside(name: &str, place: &Span) -> Diagnostic {
    if is_table(name) {
        let message = format!("`{name}` is a table");
        return Diagnostic::error("not-a-table", message)
            .at(place, "")
            .hint(format!(
                "write `[{name}]` on a line of its own, and its keys below"
            ));
    }
    unknown_key("", name, place)
}

fn unknown_key(table: &str, key: &str, place: &Span) -> Diagnostic {
    if is_secret(key) {
        return secret(table, key, place);
    }
    let message = match table {
        "" => format!("`{key}` stands outside of any table"),
        table => format!("`[{table}]` has no key `{key}`"),
    };
    let problem = Diagnostic::error("unknown-key", message).at(place, "not known");
    problem.hint(match nearest(table, key) {
        Some(setting) if setting.key() == key || setting.table() != table => {
            format!(
                "did you mean `{}` in `[{}]`?",
                setting.key(),
                setting.table()
            )
        }
        Some(setting) => format!("did you mean `{}`?", setting.key()),
        None => "`windlass settings` shows all that there are".to_owned(),
    })
}

/// The setting that was probably meant: by its key elsewhere, by its name in Ansible, or by a slip.
fn nearest(table: &str, key: &str) -> Option<&'static Setting> {
    let by = |is: &dyn Fn(&Setting) -> bool| TABLE.iter().find(|setting| is(setting));
    by(&|it| it.key() == key)
        .or_else(|| by(&|it| it.ansible.iter().any(|foreign| foreign.key == key)))
        .or_else(|| by(&|it| it.name.replace('.', "_") == key))
        .or_else(|| {
            let keys = TABLE
                .iter()
                .filter(|it| it.table() == table || table.is_empty());
            let near = did_you_mean(key, keys.map(Setting::key))?;
            by(&|it| it.key() == near && (it.table() == table || table.is_empty()))
        })
}

/// Secrets do not belong into a file that is passed around with the project.
fn secret(table: &str, key: &str, place: &Span) -> Diagnostic {
    let owner = ["become", "vault"]
        .into_iter()
        .find(|owner| table == *owner || key.contains(owner));
    let problem = Diagnostic::error("secret-in-settings", format!("`{key}` would be a secret"))
        .at(place, "not in a settings file");
    match owner.filter(|owner| {
        TABLE
            .iter()
            .any(|it| it.table() == *owner && it.key() == "password_file")
    }) {
        Some(owner) => problem.hint(format!(
            "write it into a file of its own, and name that with `password_file` in `[{owner}]`"
        )),
        None => problem
            .hint("settings files hold no secrets; use a file of its own, or a vaulted variable"),
    }
}
