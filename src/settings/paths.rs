//! Paths in settings: relative to the file that names them, with `~` for the home folder.

use super::places::Surroundings;
use super::setting::Kind;
use super::value::Value;
use std::path::{Path, PathBuf};

/// `value` with its paths in place. `folder` is that of the file which holds the value; what stands in the environment
/// is relative to the working folder and has none.
pub(super) fn placed(
    kind: Kind,
    value: Value,
    folder: Option<&Path>,
    around: &Surroundings,
) -> Value {
    let place = |text: &str| place(text, folder, around.home.as_deref());
    match (kind, value) {
        (Kind::Path, Value::Path(path)) => match path.to_str() {
            Some(text) => Value::Path(PathBuf::from(place(text))),
            None => Value::Path(path),
        },
        (Kind::Paths, Value::List(list)) => {
            Value::List(list.iter().map(|text| place(text)).collect())
        }
        (Kind::Labelled, Value::List(list)) => {
            Value::List(list.iter().map(|text| labelled(text, &place)).collect())
        }
        (Kind::Sources, Value::List(list)) => Value::List(
            list.into_iter()
                .map(|text| {
                    if text.contains(',') {
                        text
                    } else {
                        place(&text)
                    }
                })
                .collect(),
        ),
        (_, value) => value,
    }
}

/// `LABEL@PATH` or `PATH`; `prompt` is no path.
fn labelled(text: &str, place: &dyn Fn(&str) -> String) -> String {
    let (label, path) = match text.split_once('@') {
        Some((label, path)) => (Some(label), path),
        None => (None, text),
    };
    let path = match path {
        "prompt" | "prompt_ask_vault_pass" => path.to_owned(),
        path => place(path),
    };
    match label {
        Some(label) => format!("{label}@{path}"),
        None => path,
    }
}

fn place(text: &str, folder: Option<&Path>, home: Option<&Path>) -> String {
    if let (Some(home), Some(rest)) = (home, text.strip_prefix('~'))
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return format!("{}{rest}", home.display());
    }
    match folder {
        // A file in the working folder itself leaves paths as they are written, which reads best.
        Some(folder) if !folder.as_os_str().is_empty() => folder.join(text).display().to_string(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_their_file() {
        let around = Surroundings {
            home: Some("/home/me".into()),
            ..Surroundings::default()
        };
        for (text, folder, expected) in [
            ("hosts.yml", Some("/proj"), "/proj/hosts.yml"),
            ("hosts.yml", Some(""), "hosts.yml"),
            ("hosts.yml", None, "hosts.yml"),
            ("/etc/hosts.yml", Some("/proj"), "/etc/hosts.yml"),
            ("~/hosts.yml", Some("/proj"), "/home/me/hosts.yml"),
            ("~", None, "/home/me"),
            ("~other/x", Some("/proj"), "/proj/~other/x"),
        ] {
            let value = Value::Path(text.into());
            let found = placed(Kind::Path, value, folder.map(Path::new), &around);
            assert_eq!(found, Value::Path(expected.into()), "{text}");
        }
        let value = Value::List(vec!["a.yml".to_owned(), "web1,".to_owned()]);
        assert_eq!(
            placed(Kind::Sources, value, Some(Path::new("/p")), &around),
            Value::List(vec!["/p/a.yml".to_owned(), "web1,".to_owned()])
        );
        let ids = ["dev@pw", "pw", "prod@prompt", "a@~/b@c"];
        let value = Value::List(ids.map(str::to_owned).to_vec());
        let expected = ["dev@/p/pw", "/p/pw", "prod@prompt", "a@/home/me/b@c"];
        assert_eq!(
            placed(Kind::Labelled, value, Some(Path::new("/p")), &around),
            Value::List(expected.map(str::to_owned).to_vec())
        );
        let value = Value::Text("a/b".to_owned());
        assert_eq!(
            placed(Kind::Text, value.clone(), Some(Path::new("/p")), &around),
            value
        );
    }
}
