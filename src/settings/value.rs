//! A value of a setting, and how text becomes one.

use super::setting::Kind;
use crate::connection::check_ssh_args;
use crate::source::did_you_mean;
use crate::yaml;
use serde_json::json;
use std::fmt;
use std::path::PathBuf;

/// A value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(u32),
    /// Text.
    Text(String),
    /// A file or a folder.
    Path(PathBuf),
    /// Several texts or paths.
    List(Vec<String>),
}

/// What is wrong with a value: a fragment, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn expected(kind: Kind, found: &str) -> Self {
        Self {
            message: format!("expected {}, found {found}", kind.describe()),
            hint: None,
        }
    }

    /// A word that is none of `words`.
    pub(super) fn choice(kind: Kind, words: &[&str], found: &str) -> Self {
        Self {
            hint: did_you_mean(found, words.iter().copied())
                .map(|near| format!("did you mean \"{near}\"?")),
            ..Self::expected(kind, &format!("\"{found}\""))
        }
    }
}

impl Value {
    /// Reads text as it is typed behind a flag or stands in the environment. Lists are separated by `:` where they are
    /// paths and by `,` where they are words; one inventory source is one text, as with `-i`.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, Wrong> {
        let quoted = || format!("\"{text}\"");
        let parts = |separator: char| {
            text.split(separator)
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        match kind {
            Kind::Flag => yaml::truth(text)
                .map(Self::Flag)
                .ok_or_else(|| Wrong::expected(kind, &quoted())),
            Kind::Number { .. } => match text.trim().parse::<u64>() {
                Ok(number) => Self::number(kind, number),
                Err(_) => Err(Wrong::expected(kind, &quoted())),
            },
            Kind::Path => Ok(Self::Path(PathBuf::from(text))),
            Kind::Paths => Ok(Self::List(parts(':'))),
            Kind::Choices(words) => {
                let parts: Vec<String> = parts(',');
                match parts.iter().find(|part| !words.contains(&part.as_str())) {
                    Some(part) => Err(Wrong::choice(kind, words, part)),
                    None => Ok(Self::List(parts)),
                }
            }
            Kind::Words | Kind::Labelled => Ok(Self::List(parts(','))),
            Kind::Sources => Ok(Self::List(vec![text.to_owned()])),
            Kind::Text | Kind::Choice(_) | Kind::SshOptions => Self::text(kind, text),
        }
    }

    /// A number, where it is in range.
    pub(super) fn number(kind: Kind, number: u64) -> Result<Self, Wrong> {
        let Kind::Number { least, most, .. } = kind else {
            return Err(Wrong::expected(kind, "a number"));
        };
        u32::try_from(number)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .map(Self::Number)
            .ok_or_else(|| Wrong::expected(kind, &number.to_string()))
    }

    /// Text, where it is fit for its kind.
    pub(super) fn text(kind: Kind, text: &str) -> Result<Self, Wrong> {
        match kind {
            Kind::Choice(words) if !words.contains(&text) => Err(Wrong::choice(kind, words, text)),
            Kind::SshOptions => match check_ssh_args(text) {
                Ok(()) => Ok(Self::Text(text.to_owned())),
                Err(message) => Err(Wrong {
                    message,
                    hint: None,
                }),
            },
            Kind::Path => Ok(Self::Path(PathBuf::from(text))),
            _ if text.contains(['\n', '\r']) => Err(Wrong::expected(kind, "several lines")),
            _ => Ok(Self::Text(text.to_owned())),
        }
    }

    /// As the words that would stand behind a flag, one for each time that it is given.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            other => vec![other.to_string()],
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Flag(on) => json!(on),
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::Path(path) => json!(path.display().to_string()),
            Self::List(list) => json!(list),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(on) => write!(f, "{on}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::List(list) => f.write_str(&list.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Kind = Kind::Number {
        least: 1,
        most: 60,
        unit: "seconds",
    };
    const WORD: Kind = Kind::Choice(&["strict", "off"]);

    #[test]
    fn text_becomes_a_value_of_its_kind() {
        let list = |items: &[&str]| Value::List(items.iter().map(|it| (*it).to_owned()).collect());
        for (kind, text, expected) in [
            (Kind::Flag, "Yes", Value::Flag(true)),
            (Kind::Flag, "0", Value::Flag(false)),
            (SECONDS, " 7 ", Value::Number(7)),
            (WORD, "off", Value::Text("off".to_owned())),
            (Kind::Paths, "/a:/b::", list(&["/a", "/b"])),
            (Kind::Words, "a, b", list(&["a", "b"])),
            (Kind::Sources, "web1,web2", list(&["web1,web2"])),
            (Kind::Path, "/a b", Value::Path("/a b".into())),
            (
                Kind::SshOptions,
                "-o ProxyJump=bastion",
                Value::Text("-o ProxyJump=bastion".to_owned()),
            ),
        ] {
            assert_eq!(Value::parse(kind, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        for (kind, text, expected, hint) in [
            (
                Kind::Flag,
                "maybe",
                "expected true or false, found \"maybe\"",
                None,
            ),
            (
                SECONDS,
                "61",
                "expected a number of seconds from 1 to 60, found 61",
                None,
            ),
            (
                SECONDS,
                "-1",
                "expected a number of seconds from 1 to 60, found \"-1\"",
                None,
            ),
            (
                WORD,
                "strickt",
                "expected \"strict\" or \"off\", found \"strickt\"",
                Some("did you mean \"strict\"?"),
            ),
            (
                Kind::Choices(&["start", "end"]),
                "start,ende",
                "expected a list of \"start\" or \"end\", found \"ende\"",
                Some("did you mean \"end\"?"),
            ),
            (
                Kind::Text,
                "a\nb",
                "expected text, found several lines",
                None,
            ),
            (
                Kind::SshOptions,
                "-o ForwardAgent=yes",
                "the ssh option ForwardAgent=yes is not supported",
                None,
            ),
        ] {
            let wrong = Value::parse(kind, text).unwrap_err();
            assert_eq!(wrong.message, expected);
            assert_eq!(wrong.hint.as_deref(), hint);
        }
    }
}
