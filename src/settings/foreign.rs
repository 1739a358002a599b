//! Ansible's values as ours.

use super::paths::placed;
use super::places::Surroundings;
use super::setting::{Foreign, Kind, Meaning, Setting};
use super::value::{Value, Wrong};
use crate::yaml;
use std::path::Path;

/// What `text` says of a setting, or `None` when it says nothing. Paths are relative to `folder`.
pub(super) fn value(
    setting: &Setting,
    foreign: &Foreign,
    text: &str,
    folder: Option<&Path>,
    around: &Surroundings,
) -> Option<Result<Value, Wrong>> {
    let kind = setting.kind;
    let word = match foreign.meaning {
        Meaning::Same => text,
        Meaning::Present(word) => word,
        Meaning::Truth(yes, no) => match yaml::truth(text) {
            None => return Some(Err(Wrong::expected(Kind::Flag, &format!("\"{text}\"")))),
            Some(true) => yes?,
            Some(false) => no?,
        },
        Meaning::Words(words) => {
            let found = words.iter().find(|(theirs, _)| *theirs == text);
            found.map_or(text, |(_, ours)| ours)
        }
    };
    let is_path = matches!(
        kind,
        Kind::Path | Kind::Paths | Kind::Labelled | Kind::Sources
    );
    let filled = if is_path {
        match filled(word, around) {
            Ok(filled) => filled,
            Err(wrong) => return Some(Err(wrong)),
        }
    } else {
        word.to_owned()
    };
    let value = match kind {
        // Ansible's own lists of sources are separated by commas.
        Kind::Sources => Ok(Value::List(
            filled
                .split(',')
                .map(str::trim)
                .filter(|source| !source.is_empty())
                .map(str::to_owned)
                .collect(),
        )),
        kind => Value::parse(kind, &filled),
    };
    Some(value.map(|value| placed(kind, value, folder, around)))
}

/// A path with Ansible's `{{CWD}}` and the variables of the environment filled in; those that are not set stay.
fn filled(text: &str, around: &Surroundings) -> Result<String, Wrong> {
    let folder = around.folder.display().to_string();
    let text = text.replace("{{CWD}}", &folder);
    if text.contains("{{") {
        return Err(Wrong {
            message: format!("the template in \"{text}\" is not supported here"),
            hint: None,
        });
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let inner = rest[1..]
            .strip_prefix('{')
            .and_then(|it| it.split_once('}'));
        let (name, length) = if let Some((name, _)) = inner {
            (name, name.len() + 3)
        } else {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest[1..]
                .find(|c| !is_word(c))
                .map_or(rest.len(), |end| end + 1);
            (&rest[1..end], end)
        };
        match around.variable(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::find;
    use std::collections::BTreeMap;

    fn read(name: &str, at: usize, text: &str) -> Option<Result<Value, String>> {
        let around = Surroundings {
            folder: "/here".into(),
            home: Some("/home/me".into()),
            variables: BTreeMap::from([("PLACE".to_owned(), "rack".to_owned())]),
            ..Surroundings::default()
        };
        let setting = find(name).unwrap();
        let folder = Some(Path::new("/proj"));
        value(setting, &setting.ansible[at], text, folder, &around)
            .map(|it| it.map_err(|wrong| wrong.message))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is compared with what may be nothing"
    )]
    fn text(text: &str) -> Option<Result<Value, String>> {
        Some(Ok(Value::Text(text.to_owned())))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is compared with what may be nothing"
    )]
    fn list(items: &[&str]) -> Option<Result<Value, String>> {
        let items = items.iter().map(|it| (*it).to_owned()).collect();
        Some(Ok(Value::List(items)))
    }

    #[test]
    fn values_of_ansible_become_ours() {
        assert_eq!(read("run.forks", 0, "20"), Some(Ok(Value::Number(20))));
        let checking = "connection.host_key_checking";
        assert_eq!(read(checking, 1, "False"), text("off"));
        assert_eq!(read(checking, 0, "yes"), text("strict"));
        assert_eq!(read("connection.kind", 0, "smart"), text("ssh"));
        assert_eq!(read("run.gathering", 0, "smart"), text("implicit"));
        assert_eq!(read("become.method", 0, "ansible.builtin.su"), text("su"));
        assert_eq!(read("output.color", 0, "anything"), text("never"));
        assert_eq!(read("output.color", 1, "False"), None);
        let sources = list(&["/proj/a.ini", "/b"]);
        assert_eq!(read("run.inventory", 0, "a.ini, /b"), sources);
        let paths = list(&["/proj/roles", "/home/me/r", "/here/r"]);
        assert_eq!(read("run.roles_path", 0, "roles:~/r:{{CWD}}/r"), paths);
        let key = |path: &str| Some(Ok(Value::Path(path.into())));
        let private = "connection.private_key";
        assert_eq!(
            read(private, 0, "/k/$PLACE/${PLACE}s/$NONE"),
            key("/k/rack/racks/$NONE")
        );
        assert_eq!(read(private, 0, "keys/$"), key("/proj/keys/$"));
    }

    #[test]
    fn what_cannot_be_taken_is_said() {
        for (name, at, text, expected) in [
            (
                "run.forks",
                0,
                "many",
                "expected a number of hosts from 1 to 10000, found \"many\"",
            ),
            (
                "connection.kind",
                0,
                "docker",
                "expected \"ssh\" or \"local\", found \"docker\"",
            ),
            (
                "become.method",
                0,
                "runas",
                "expected \"sudo\", \"su\" or \"doas\", found \"runas\"",
            ),
            (
                "connection.host_key_checking",
                1,
                "ask",
                "expected true or false, found \"ask\"",
            ),
            (
                "run.roles_path",
                0,
                "{{ ANSIBLE_HOME }}/roles",
                "the template in \"{{ ANSIBLE_HOME }}/roles\" is not supported here",
            ),
        ] {
            assert_eq!(read(name, at, text), Some(Err(expected.to_owned())));
        }
    }
}
