//! A host's own facts: files in `facts.d`, JSON or INI. Programs there are not run.

use super::answer::Answer;
use serde_json::{Map, Value};

/// The facts by file name, and what was left out.
pub(super) fn read(answer: &Answer) -> (Value, Vec<String>) {
    let mut facts = Map::new();
    let mut warnings = Vec::new();
    for (name, text) in answer.fields_of("local:") {
        let value = serde_json::from_str(text).ok().or_else(|| ini(text));
        facts.insert(
            name.to_owned(),
            value.unwrap_or_else(|| {
                warnings.push(format!(
                    "the local fact file `{name}` is neither JSON nor INI"
                ));
                Value::from("error loading facts as JSON or ini - please check content")
            }),
        );
    }
    for (_, path) in answer.fields_of("program:") {
        warnings.push(format!(
            "{path} is a program; local facts are read from plain files only"
        ));
    }
    for (_, path) in answer.fields_of("unreadable:") {
        warnings.push(format!("{path} cannot be read"));
    }
    (Value::Object(facts), warnings)
}

/// Sections of `key=value` or `key: value` lines; keys in lower case, as Python's configparser reads them.
fn ini(text: &str) -> Option<Value> {
    let mut sections: Map<String, Value> = Map::new();
    let mut section: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            sections
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            section = Some(name.to_owned());
            continue;
        }
        let (key, value) = line.split_at_checked(line.find(['=', ':'])?)?;
        let values = sections.get_mut(section.as_ref()?)?.as_object_mut()?;
        values.insert(key.trim().to_lowercase(), value[1..].trim().into());
    }
    section.is_some().then_some(Value::Object(sections))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_ini_are_read_and_the_rest_is_named() {
        let text = "local:a\0{\"x\": [1]}\0local:b\0# c\n[s]\nKey = 1\nurl: http://h\n\0local:c\0what\0\
            program:d\0/etc/d.fact\0";
        let (facts, warnings) = read(&Answer::read(text.as_bytes()).unwrap());
        assert_eq!(facts["a"], json!({"x": [1]}));
        assert_eq!(facts["b"], json!({"s": {"key": "1", "url": "http://h"}}));
        assert!(facts["c"].as_str().unwrap().starts_with("error loading"));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[1].starts_with("/etc/d.fact is a program"));
    }
}
