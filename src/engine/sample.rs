//! One question to the user's service: a URL that must answer, or a command that must succeed, asked by the controller.
//!
//! This file must not know plays, or what a bad answer means for them.

use crate::artifact::shown_url;
use crate::connection::{Command, Connection, ConnectionError, Local};
use base64::Engine as _;
use percent_encoding::percent_decode_str;
use std::path::Path;
use std::time::Duration;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// How much longer than its limit the answer of a sample is waited for, where the limit itself did not work.
const GRACE: Duration = Duration::from_secs(1);

/// How much of a command's words is shown.
const WORDS: usize = 200;

/// What is asked.
pub(super) enum Sample {
    /// A URL.
    Url {
        agent: ureq::Agent,
        /// Without user information.
        url: String,
        /// `Authorization`, from the user information.
        authorization: Option<String>,
    },
    /// A command for this machine's shell.
    Command { shell: Local, script: String },
}

impl Sample {
    /// A URL with its trust: a file with certificates of its own, or none at all.
    pub(super) fn url(
        url: &str,
        ca: Option<&Path>,
        validate: bool,
        limit: Duration,
    ) -> Result<Self, String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("`{}` is not an http or https URL", shown_url(url)));
        }
        let mut tls = TlsConfig::builder().disable_verification(!validate);
        if let Some(path) = ca {
            let at = |reason: String| format!("{}: {reason}", path.display());
            let pem = std::fs::read(path).map_err(|error| at(error.to_string()))?;
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(found) = item.map_err(|error| at(error.to_string()))? {
                    certificates.push(found);
                }
            }
            if certificates.is_empty() {
                return Err(at("there is no certificate in it".to_owned()));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .tls_config(tls.build())
            .build()
            .into();
        let (url, user) = split_user(url);
        Ok(Self::Url {
            agent,
            url,
            authorization: user.map(|user| {
                let text = base64::engine::general_purpose::STANDARD.encode(user);
                format!("Basic {text}")
            }),
        })
    }

    /// A command.
    pub(super) fn command(script: &str) -> Self {
        Self::Command {
            shell: Local::new(),
            script: script.to_owned(),
        }
    }

    /// What is asked, as it may be shown.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url { url, .. } => shown_url(url),
            Self::Command { script, .. } => one_line(script),
        }
    }

    /// Asks; a bad answer is an error, in words.
    pub(super) async fn ask(&self, limit: Duration) -> Result<String, String> {
        let asking = async {
            match self {
                Self::Url {
                    agent,
                    url,
                    authorization,
                } => {
                    let (agent, url, authorization) =
                        (agent.clone(), url.clone(), authorization.clone());
                    tokio::task::spawn_blocking(move || get(&agent, &url, authorization.as_deref()))
                        .await
                        .unwrap_or_else(|error| Err(error.to_string()))
                }
                Self::Command { shell, script } => run(shell, script, limit).await,
            }
        };
        tokio::time::timeout(limit + GRACE, asking)
            .await
            .unwrap_or_else(|_| Err(late(limit)))
    }
}

fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f64())
}

fn get(agent: &ureq::Agent, url: &str, authorization: Option<&str>) -> Result<String, String> {
    let mut request = agent.get(url);
    if let Some(value) = authorization {
        request = request.header("Authorization", value);
    }
    match request.call() {
        Ok(response) => Ok(format!("it answers {}", response.status().as_u16())),
        Err(ureq::Error::StatusCode(code)) => Err(format!("it answers {code}")),
        // This one repeats the URL.
        Err(ureq::Error::BadUri(_)) => Err("the URL is not valid".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn run(shell: &Local, script: &str, limit: Duration) -> Result<String, String> {
    let mut command = Command::new(script);
    command.timeout = Some(limit);
    let output = match shell.run(command).await {
        Ok(output) => output,
        Err(ConnectionError::TimedOut(limit)) => return Err(late(limit)),
        Err(error) => return Err(error.to_string()),
    };
    if output.status == 0 {
        return Ok("it succeeds".to_owned());
    }
    let said = [output.stderr_text(), output.stdout_text()]
        .into_iter()
        .find(|text| !text.trim().is_empty());
    let said = said.map_or_else(String::new, |text| format!(": {}", one_line(&text)));
    Err(format!("it ends with status {}{said}", output.status))
}

fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(WORDS) {
        Some((at, _)) => format!("{}...", &words[..at]),
        None => words,
    }
}

/// A URL without its user information, and that, decoded.
fn split_user(url: &str) -> (String, Option<Vec<u8>>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, host)) => (
            format!("{scheme}://{host}{}", &rest[end..]),
            Some(percent_decode_str(user).collect()),
        ),
        None => (url.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_leaves_the_url() {
        let cases = [
            ("http://h:1/a@b", "http://h:1/a@b", None),
            ("https://u:p%40x@h/a?q=1", "https://h/a?q=1", Some("u:p@x")),
            ("https://u@h", "https://h", Some("u")),
            ("http://a%zz@h", "http://h", Some("a%zz")),
        ];
        for (url, bare, user) in cases {
            let expected = user.map(|user| user.as_bytes().to_vec());
            assert_eq!(split_user(url), (bare.to_owned(), expected));
        }
    }

    #[tokio::test]
    async fn a_command_is_good_when_it_succeeds_in_time() {
        let limit = Duration::from_secs(5);
        assert!(Sample::command("true").ask(limit).await.is_ok());
        let bad = Sample::command("echo 'no backend' >&2; exit 3");
        let answer = bad.ask(limit).await.unwrap_err();
        assert_eq!(answer, "it ends with status 3: no backend");
        let slow = Sample::command("sleep 60");
        let answer = slow.ask(Duration::from_millis(200)).await.unwrap_err();
        assert_eq!(answer, "no answer within 0.2 s");
    }

    #[test]
    fn trust_is_read_before_anything_starts() {
        let limit = Duration::from_secs(1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        let error = Sample::url("https://h", Some(&path), true, limit).err();
        assert!(error.unwrap().ends_with("there is no certificate in it"));
        let error = Sample::url("ftp://u:secret@h", None, true, limit).err();
        assert_eq!(error.unwrap(), "`ftp://h` is not an http or https URL");
    }
}
