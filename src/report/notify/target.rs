//! To whom something is told: a webhook or a command. What is secret of a URL is shown nowhere.

use std::fmt;

/// A webhook, or a command.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// Gets each notice as the body of a POST.
    Webhook {
        /// All of it.
        url: String,
        /// For `Authorization: Bearer`.
        token: Option<String>,
    },
    /// Gets each notice on its standard input; run by `sh -c`.
    Command(String),
}

/// Why nothing can be told to such a target.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// Nothing is there.
    #[error("there is no URL and no command")]
    Empty,
    /// It begins as a URL does, and is none.
    #[error("the URL is not valid: it needs a host and no spaces")]
    Url,
}

impl Target {
    /// What begins with `http://` or `https://` is a webhook, and all else a command.
    pub fn parse(text: &str, token: Option<&str>) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if !(text.starts_with("http://") || text.starts_with("https://")) {
            return Ok(Self::Command(text.to_owned()));
        }
        let uri: http::Uri = text.parse().map_err(|_| TargetError::Url)?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(TargetError::Url);
        }
        Ok(Self::Webhook {
            url: text.to_owned(),
            token: token.map(str::to_owned),
        })
    }
}

/// As it may be shown: of a URL where it leads, since path and query are often the whole secret; of a command its program,
/// since arguments may hold one.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { url, .. } => {
                let uri: http::Uri = url.parse().unwrap_or_default();
                let scheme = uri.scheme_str().unwrap_or("https");
                write!(f, "{scheme}://{}", uri.host().unwrap_or_default())?;
                if let Some(port) = uri.port_u16() {
                    write!(f, ":{port}")?;
                }
                f.write_str("/…")
            }
            Self::Command(line) => {
                let mut words = line.split_whitespace();
                let program = words.find(|word| !word.contains('=')).unwrap_or("sh");
                write!(f, "the command {program}")
            }
        }
    }
}

/// Says no more than `Display` does.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_begin_and_shows_no_secret() {
        let cases = [
            (
                "https://u:s3cret@chat.example/hooks/s3cret?token=s3cret",
                "https://chat.example/…",
            ),
            ("http://127.0.0.1:8080/s3cret", "http://127.0.0.1:8080/…"),
            (
                "  PASSWORD=s3cret ./tell.sh s3cret",
                "the command ./tell.sh",
            ),
        ];
        for (text, shown) in cases {
            let target = Target::parse(text, Some("s3cret")).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(format!("{target:?}"), format!("Target({shown})"));
        }
        for (text, error) in [
            ("", TargetError::Empty),
            ("http://", TargetError::Url),
            ("https:///x", TargetError::Url),
            ("http://a b/", TargetError::Url),
        ] {
            assert_eq!(Target::parse(text, None), Err(error), "{text:?}");
        }
    }
}
