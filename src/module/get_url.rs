//! `get_url`: the host itself downloads a file, by curl or wget, whichever is there.

use super::deliver::{self, Content, Delivery};
use super::mode::Mode;
use super::parameter::{optional, required};
use super::remote_stat::{FUNCTIONS, Fields, FileState, FileType, resolve};
use super::{Change, Context, Inspection, Module, ModuleError, Outcome, Params};
use crate::connection::Command;
use crate::playbook::{FreeForm, Kind, Parameter, Spec};
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The module.
#[derive(Debug)]
pub(super) struct GetUrl;

static SPEC: Spec = Spec {
    name: "get_url",
    summary: "has the host download a file",
    free_form: FreeForm::No,
    parameters: &[
        optional(
            "backup",
            Kind::Bool,
            "keep a dated copy of the old file beside it; false by default",
        ),
        optional(
            "checksum",
            Kind::String,
            "`algorithm:digest`, or `algorithm:URL` of a file with digests",
        ),
        required("dest", Kind::Path, "the file, or the folder it goes to"),
        optional(
            "force",
            Kind::Bool,
            "download although the file is there; false by default",
        ),
        optional("group", Kind::String, "group name or number"),
        optional("headers", Kind::Map, "HTTP headers"),
        optional("mode", Kind::Raw, "octal or symbolic"),
        optional("owner", Kind::String, "user name or number"),
        optional(
            "timeout",
            Kind::Int,
            "seconds without an answer after which it fails; 10 by default",
        ),
        Parameter {
            ..required("url", Kind::String, "http, https, ftp or file URL")
        },
        optional(
            "validate_certs",
            Kind::Bool,
            "check the server's certificate; true by default",
        ),
    ],
};

#[derive(Debug, Deserialize)]
struct Arguments {
    backup: Option<bool>,
    checksum: Option<String>,
    dest: String,
    force: Option<bool>,
    group: Option<String>,
    headers: Option<Map<String, Value>>,
    mode: Option<Value>,
    owner: Option<String>,
    timeout: Option<u32>,
    url: String,
    validate_certs: Option<bool>,
}

/// Functions for the download. The headers and the URL, which may hold a password or a token, reach curl and GNU wget by
/// standard input, so that no secret shows among the processes. BusyBox's wget takes URLs as arguments only.
const FETCH: &str = r#"fetch() {
  case $1 in
    file://*) cat "${1#file://}" ;;
    *)
      if command -v curl >/dev/null 2>&1; then
        { cat; printf 'url = "%s"\n' "$1"; } |
          curl -K - -fsSL $insecure --connect-timeout "$limit" --speed-limit 1 --speed-time "$limit"
      elif command -v wget >/dev/null 2>&1; then
        url=$1
        help=$(wget --help 2>&1)
        case $help in *-T[\ ,]*) set -- -T "$limit" ;; *) set -- ;; esac
        case $help in
          *-i,*) printf '%s\n' "$url" | wget -q $careless "$@" -O - -i - ;;
          *) wget -q $careless "$@" -O - "$url" ;;
        esac
      else
        echo 'the host has neither curl nor wget' >&2
        return 1
      fi
      ;;
  esac
}
"#;

/// A digest and its algorithm, such as `sha256`.
type Checksum = (String, String);

impl Arguments {
    /// What comes before each use of `fetch`, and what it reads.
    fn fetching(&self) -> Result<Command, ModuleError> {
        let limit = self.timeout.unwrap_or(10);
        let trusting = self.validate_certs == Some(false);
        let mut script = format!(
            "{FETCH}limit={limit} insecure={} careless={}\n",
            if trusting { "-k" } else { "" },
            if trusting {
                "--no-check-certificate"
            } else {
                ""
            }
        );
        let mut config = String::new();
        for (name, value) in self.headers.iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            if name.contains(['\n', '\r', '"']) || value.contains(['\n', '\r']) {
                return Err(ModuleError::failed(format!("bad header `{name}`")));
            }
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(config, "header = \"{name}: {value}\"");
        }
        if !config.is_empty() {
            script += "command -v curl >/dev/null 2>&1 || { echo 'headers need curl on the host' >&2; exit 1; }\n";
        }
        let mut command = Command::new(script);
        command.stdin = Some(Bytes::from(config));
        Ok(command)
    }

    /// The digest that the file must have; a file of digests is downloaded by the host for it.
    async fn checksum(&self, cx: &Context) -> Result<Option<Checksum>, ModuleError> {
        let Some(text) = self.checksum.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let known = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];
        let (algorithm, digest) = text
            .split_once(':')
            .filter(|(algorithm, _)| known.contains(algorithm))
            .ok_or_else(|| {
                ModuleError::failed(
                    "The checksum parameter has to be in format <algorithm>:<checksum>",
                )
            })?;
        if !digest.contains("://") {
            return Ok(Some((algorithm.to_owned(), digest.trim().to_lowercase())));
        }
        let mut command = self.fetching()?;
        let _ = writeln!(command.script, "fetch {}", quote(&one_line(digest)));
        let output = cx.remote.command(command).await?;
        deliver::succeed(&output)?;
        let digest = listed(&output.stdout_text(), file_name(&self.url)).ok_or_else(|| {
            ModuleError::failed(format!(
                "Unable to find a checksum for file '{}' in '{digest}'",
                file_name(&self.url)
            ))
        })?;
        Ok(Some((algorithm.to_owned(), digest)))
    }
}

/// A URL as curl's configuration can hold it in quotes; nothing in it can be another setting.
fn one_line(url: &str) -> String {
    if url.starts_with("file://") {
        return url.to_owned();
    }
    let mut line = String::with_capacity(url.len());
    for c in url.chars() {
        if c.is_ascii_control() || matches!(c, ' ' | '"' | '\\') {
            // Writing to a string cannot fail.
            let _ = write!(line, "%{:02X}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

/// The name that a URL gives its file.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path.rsplit('/').next().unwrap_or("");
    if name.is_empty() { "index.html" } else { name }
}

/// The digest of `name` in a file of digests; a file with one bare digest is for any name.
fn listed(text: &str, name: &str) -> Option<String> {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|words: &Vec<&str>| !words.is_empty())
        .collect();
    if let [only] = &lines[..]
        && only.len() == 1
    {
        return Some(only[0].to_lowercase());
    }
    lines.iter().find_map(|words| {
        let listed = words
            .get(1)?
            .trim_start_matches('*')
            .trim_start_matches("./");
        (listed == name || listed.ends_with(&format!("/{name}"))).then(|| words[0].to_lowercase())
    })
}

/// What stands at the destination.
struct Sight {
    /// The file, also when a folder was given.
    dest: String,
    /// With the checksum by the algorithm that the task names.
    state: Option<FileState>,
    sha1: Option<String>,
}

async fn look(
    cx: &Context,
    arguments: &Arguments,
    checksum: Option<&Checksum>,
) -> Result<Sight, ModuleError> {
    let program = checksum.map_or("''".to_owned(), |(algorithm, _)| format!("{algorithm}sum"));
    let script = format!(
        "{FUNCTIONS}{}if [ -d \"$p\" ]; then p=${{p%/}}/{}; fi\nprintf '%s\\0' \"$p\"\n\
         if [ -d \"${{p%/*}}/\" ]; then printf 'yes\\0'; else printf '\\0'; fi\n\
         look -L {program} \"$p\"\nlook -L sha1sum \"$p\"\n",
        resolve(&arguments.dest)?,
        quote(file_name(&arguments.url)),
    );
    let output = cx.remote.run(script).await?;
    deliver::succeed(&output)?;
    let mut fields = Fields::new(&output.stdout);
    let dest = fields.next()?;
    if fields.next()?.is_empty() {
        let folder = dest.rsplit_once('/').map_or("", |parts| parts.0);
        return Err(ModuleError::failed(format!(
            "Destination {folder} does not exist"
        )));
    }
    Ok(Sight {
        dest,
        state: FileState::read(&mut fields)?,
        sha1: FileState::read(&mut fields)?.and_then(|state| state.checksum),
    })
}

#[async_trait]
impl Module for GetUrl {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn secret_parameters(&self) -> &'static [&'static str] {
        &["headers"]
    }

    async fn inspect(&self, cx: &Context, params: &Params) -> Result<Inspection, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let schemes = ["http://", "https://", "ftp://", "file://"];
        if !schemes
            .iter()
            .any(|scheme| arguments.url.starts_with(scheme))
        {
            return Err(ModuleError::failed(format!(
                "`{}` is not an http, https, ftp or file URL",
                arguments.url
            )));
        }
        let checksum = arguments.checksum(cx).await?;
        let Sight { dest, state, sha1 } = look(cx, &arguments, checksum.as_ref()).await?;
        let force = arguments.force.unwrap_or(false);
        let right = match (&state, &checksum) {
            (None, _) => false,
            (Some(state), Some((_, digest))) => state.checksum.as_ref() == Some(digest),
            (Some(_), None) => !force,
        };
        if let (true, Some(sha1)) = (right, sha1) {
            // The content stays: only attributes may differ.
            let content = Content::There {
                path: dest.clone(),
                sha1,
                temporary: false,
            };
            let delivery = arguments.delivery(content, dest)?;
            return deliver::inspect(cx, &delivery).await;
        }
        if state
            .as_ref()
            .is_some_and(|state| state.kind != FileType::File)
        {
            return Err(ModuleError::failed(format!(
                "Destination {dest} is not a file"
            )));
        }
        let mut result = Map::new();
        result.insert("dest".to_owned(), dest.as_str().into());
        result.insert("url".to_owned(), arguments.url.as_str().into());
        Ok(Inspection::Change(Change {
            what: format!("download {dest}"),
            result,
            undo: Undo::Entries(vec![Entry::Path(dest.clone())]),
            // Whether a file without a known checksum would come out different cannot be told.
            opaque: state.is_some() && checksum.is_none(),
            plan: json!({"download": dest, "checksum": checksum}),
            ..Change::default()
        }))
    }

    async fn apply(
        &self,
        cx: &Context,
        params: &Params,
        change: Change,
    ) -> Result<Outcome, ModuleError> {
        let arguments: Arguments = params.parse()?;
        let Some(dest) = change.plan["download"].as_str() else {
            return deliver::apply(cx, change).await;
        };
        let checksum: Option<Checksum> =
            serde_json::from_value(change.plan["checksum"].clone()).unwrap_or_default();
        let (path, sha1) = download(cx, &arguments, dest, checksum.as_ref()).await?;
        let content = Content::There {
            path: path.clone(),
            sha1,
            temporary: true,
        };
        let delivery = arguments.delivery(content, dest.to_owned())?;
        let delivered = match deliver::inspect(cx, &delivery).await {
            Ok(Inspection::Done(outcome)) => Ok(outcome),
            Ok(Inspection::Change(change)) => deliver::apply(cx, change).await,
            Err(error) => Err(error),
        };
        // It is still there when the content was right already, or could not be put in place.
        cx.remote.run(format!("rm -f {}", quote(&path))).await?;
        let mut outcome = delivered?;
        outcome
            .result
            .insert("url".to_owned(), arguments.url.as_str().into());
        Ok(outcome)
    }
}

impl Arguments {
    fn delivery(&self, content: Content, dest: String) -> Result<Delivery, ModuleError> {
        let mode = Mode::optional(self.mode.as_ref())?;
        if mode == Some(Mode::Preserve) {
            return Err(ModuleError::failed(
                "`mode: preserve` is for `copy` and `template`",
            ));
        }
        Ok(Delivery {
            content,
            dest,
            name: None,
            source: None,
            label: self.url.clone(),
            mode,
            owner: self.owner.clone(),
            group: self.group.clone(),
            directory_mode: None,
            backup: self.backup.unwrap_or(false),
            force: true,
            follow: true,
            validate: None,
        })
    }
}

/// Downloads to a name of its own beside `dest`, checks it, and returns that name and the SHA-1.
async fn download(
    cx: &Context,
    arguments: &Arguments,
    dest: &str,
    checksum: Option<&Checksum>,
) -> Result<(String, String), ModuleError> {
    let mut command = arguments.fetching()?;
    let (algorithm, digest) = checksum.map_or(("", ""), |(algorithm, digest)| (algorithm, digest));
    let _ = writeln!(
        command.script,
        "dest={}\nalgorithm={} digest={}",
        quote(dest),
        quote(algorithm),
        quote(digest)
    );
    command.script += "umask 077\nnew=$(mktemp \"${dest%/*}/.windlass.XXXXXX\") || exit 1\n";
    let _ = writeln!(
        command.script,
        "fetch {} >\"$new\" || {{ rm -f \"$new\"; exit 1; }}",
        quote(&one_line(&arguments.url))
    );
    command.script += r#"if [ -n "$algorithm" ]; then
  sum=$("${algorithm}sum" <"$new")
  if [ "${sum%% *}" != "$digest" ]; then
    rm -f "$new"
    echo "The checksum for $dest did not match $digest; it was ${sum%% *}." >&2
    exit 1
  fi
fi
sum=$(sha1sum <"$new")
printf '%s\0%s\0' "$new" "${sum%% *}"
"#;
    let output = cx.remote.command(command).await?;
    if output.status != 0 {
        let said = output.stderr_text();
        let mut result = Map::new();
        result.insert("dest".to_owned(), dest.into());
        result.insert("url".to_owned(), arguments.url.as_str().into());
        return Err(ModuleError::Failed {
            message: format!("Request failed: {}", said.trim()),
            result,
        });
    }
    let mut fields = Fields::new(&output.stdout);
    Ok((fields.next()?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::testing::{Host, on_both};
    use std::fs;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_is_fetched_once_verified_and_taken_back() {
        on_both(async |host: Host| {
            let source = host.controller.path().join("app-1.0");
            fs::write(&source, "abc").unwrap();
            fs::write(host.text("app"), "old").unwrap();
            let before = host.snapshot();
            let url = format!("file://{}", source.display());
            let wrong = json!({"url": url, "dest": host.text("app"), "checksum": "sha256:00"});
            let error = host.apply(&GetUrl, wrong).await.unwrap_err().to_string();
            assert!(error.contains("did not match"), "{error}");
            assert_eq!(host.snapshot(), before);
            let sums = host.controller.path().join("SUMS");
            fs::write(&sums, format!("00  other\n{DIGEST} *./app-1.0\n")).unwrap();
            for checksum in [DIGEST.to_owned(), format!("file://{}", sums.display())] {
                let params = json!({
                    "url": url,
                    "dest": host.text("app"),
                    "checksum": format!("sha256:{checksum}"),
                    "mode": "0755",
                });
                let outcome = host.change(&GetUrl, params.clone()).await;
                assert_eq!(outcome.result["mode"], "0755");
                assert_eq!(host.read("app"), "abc");
                host.done(&GetUrl, params).await;
                host.revert().await;
                assert_eq!(host.snapshot(), before);
            }
        });
    }

    #[test]
    fn without_a_checksum_a_file_that_is_there_stays_unless_forced() {
        on_both(async |host: Host| {
            let source = host.controller.path().join("f");
            fs::write(&source, "new").unwrap();
            fs::write(host.text("f"), "old").unwrap();
            let url = format!("file://{}", source.display());
            let params = json!({"url": url, "dest": host.text("")});
            host.done(&GetUrl, params).await;
            let forced = json!({"url": url, "dest": host.text("f"), "force": true});
            assert!(host.planned(&GetUrl, forced.clone()).await.opaque);
            host.change(&GetUrl, forced.clone()).await;
            assert_eq!(host.read("f"), "new");
            let again = host.apply(&GetUrl, forced).await.unwrap();
            assert!(!again.changed);
            assert_eq!(host.snapshot().len(), 2, "{:?}", host.snapshot());
        });
    }

    #[test]
    fn it_is_fetched_over_http() {
        on_both(async |host: Host| {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/a%20b?x=1", listener.local_addr().unwrap());
            let serve = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /a%20b?x=1 "));
                let answer =
                    b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
                stream.write_all(answer).await.unwrap();
            };
            let params =
                json!({"url": url, "dest": host.text("x"), "checksum": format!("sha256:{DIGEST}")});
            let tools = "command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1";
            if host.cx.remote.run(tools).await.unwrap().status != 0 {
                return;
            }
            let (outcome, ()) = tokio::join!(host.change(&GetUrl, params), serve);
            assert_eq!(outcome.result["size"], 3);
            let refused = json!({"url": "gopher://x", "dest": host.text("x")});
            assert!(host.inspect(&GetUrl, refused).await.is_err());
        });
    }

    #[test]
    fn a_url_is_one_line_without_quotes() {
        let url = "https://u:p@h/a\"b\\\noutput = /etc/passwd";
        assert_eq!(
            one_line(url),
            "https://u:p@h/a%22b%5C%0Aoutput%20=%20/etc/passwd"
        );
        assert_eq!(one_line("file:///a b\""), "file:///a b\"");
    }

    #[test]
    fn names_and_digests_are_found() {
        assert_eq!(file_name("https://h/a/b.tgz?x=/y"), "b.tgz");
        assert_eq!(file_name("https://h/"), "index.html");
        assert_eq!(listed("ABC\n", "x").as_deref(), Some("abc"));
        assert_eq!(listed("1 a\n2 dir/b\n", "b").as_deref(), Some("2"));
        assert_eq!(listed("1 a\n2 b\n", "c"), None);
    }
}
