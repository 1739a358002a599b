//! What one setting is.

/// One row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Its name, `table.key` as in `windlass.toml`.
    pub name: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// What holds when nobody says anything.
    pub default: Fallback,
    /// The flag, as it is typed.
    pub flag: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// What means the same to Ansible.
    pub ansible: &'static [Foreign],
    /// One line: what it does.
    pub help: &'static str,
}

/// What values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number.
    Number {
        /// The least that makes sense.
        least: u32,
        /// The greatest that makes sense.
        most: u32,
        /// What is counted; empty when the name says it.
        unit: &'static str,
    },
    /// A line of text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A file or a folder.
    Path,
    /// Several of them.
    Paths,
    /// Inventory sources: paths, or lists of hosts with a comma in them.
    Sources,
    /// Several paths, each perhaps with a label and `@` before it.
    Labelled,
    /// Several words.
    Words,
    /// Several of these words.
    Choices(&'static [&'static str]),
    /// Options of OpenSSH's `ssh`, as far as the connection knows them.
    SshOptions,
}

/// What holds when nobody says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as it would be typed.
    Value(&'static str),
    /// No value; what happens then, in a few words.
    Unset(&'static str),
}

/// A key of `ansible.cfg`, and the variables of the environment that stand for it.
#[derive(Debug)]
pub struct Foreign {
    /// The section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// The variables, the stronger first.
    pub variables: &'static [&'static str],
    /// How its values are to be read.
    pub meaning: Meaning,
}

/// How a value of Ansible's is to be read.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// As one of ours.
    Same,
    /// As true or false, which here are these words; `None` says nothing.
    Truth(Option<&'static str>, Option<&'static str>),
    /// As this word, whatever the value is, unless it is empty.
    Present(&'static str),
    /// As one of ours, after these words were replaced.
    Words(&'static [(&'static str, &'static str)]),
}

impl Setting {
    /// The table of `windlass.toml` that it stands in.
    pub fn table(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(table, _)| table)
    }

    /// Its key there.
    pub fn key(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, key)| key)
    }
}

impl Kind {
    /// What is expected, for messages and for the page: `a number of seconds from 1 to 3600`.
    pub fn describe(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Number { least, most, unit } => {
                let of = match unit {
                    "" => String::new(),
                    unit => format!(" of {unit}"),
                };
                match most {
                    u32::MAX => format!("a number{of} from {least}"),
                    most => format!("a number{of} from {least} to {most}"),
                }
            }
            Self::Text => "text".to_owned(),
            Self::Choice(words) => one_of(words),
            Self::Choices(words) => format!("a list of {}", one_of(words)),
            Self::Path => "a path".to_owned(),
            Self::Paths => "a list of paths".to_owned(),
            Self::Sources => "a list of paths, or of hosts with a comma".to_owned(),
            Self::Labelled => "a list of paths, with LABEL@ before them".to_owned(),
            Self::Words => "a list of words".to_owned(),
            Self::SshOptions => "options of ssh, as text".to_owned(),
        }
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_said_in_words() {
        let seconds = |most| Kind::Number {
            least: 1,
            most,
            unit: "seconds",
        };
        for (kind, expected) in [
            (seconds(60), "a number of seconds from 1 to 60"),
            (seconds(u32::MAX), "a number of seconds from 1"),
            (Kind::Choice(&["a", "b", "c"]), "\"a\", \"b\" or \"c\""),
            (Kind::Choice(&["a"]), "\"a\""),
            (Kind::Choices(&["a", "b"]), "a list of \"a\" or \"b\""),
            (Kind::Flag, "true or false"),
        ] {
            assert_eq!(kind.describe(), expected);
        }
    }
}
