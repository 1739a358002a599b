//! Finds out how a file on a host differs from what is to be delivered: the part that `copy`, `template` and `get_url`
//! share. One round trip looks; the sibling `deliver_apply` writes.

pub(super) use super::deliver_apply::{apply, succeed, writes};

use super::controller_file::Loaded;
use super::mode::{Mode, octal};
use super::remote_stat::{FUNCTIONS, Fields, FileState, FileType, resolve};
use super::{Change, Context, Inspection, ModuleError, Outcome, diff};
use crate::shell::quote;
use crate::undo::{Entry, Undo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Where the content comes from.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// From the controller.
    Here(Arc<Loaded>),
    /// A file on the host, and its SHA-1.
    There {
        /// Its path.
        path: String,
        /// Lower-case hex.
        sha1: String,
        /// It stands beside the destination only to be renamed to it.
        temporary: bool,
    },
}

impl Content {
    /// Its SHA-1 in lower-case hex.
    pub(super) fn sha1(&self) -> &str {
        match self {
            Self::Here(loaded) => &loaded.sha1,
            Self::There { sha1, .. } => sha1,
        }
    }
}

/// What is to stand where.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// The content.
    pub(super) content: Content,
    /// The file, or the folder that it goes to.
    pub(super) dest: String,
    /// The file's name when `dest` is a folder; without one, a folder is refused.
    pub(super) name: Option<String>,
    /// What `src` in the result says.
    pub(super) source: Option<String>,
    /// What it is called in messages and differences.
    pub(super) label: String,
    pub(super) mode: Option<Mode>,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// Mode of folders that are made on the way.
    pub(super) directory_mode: Option<Mode>,
    /// Keep a copy of the old file beside it.
    pub(super) backup: bool,
    /// Replace a file that differs.
    pub(super) force: bool,
    /// Write to where a link leads instead of replacing the link.
    pub(super) follow: bool,
    /// A command that judges the new file, `%s`, before it is put in place.
    pub(super) validate: Option<String>,
}

/// What `apply` needs to know of what `inspect` found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// A file on the host that is copied; without one, the content comes along.
    pub(super) from: Option<String>,
    /// A file on the host that is renamed.
    pub(super) part: Option<String>,
    pub(super) dest: String,
    /// The content is to be written, not only attributes set.
    pub(super) write: bool,
    /// Topmost folder that is missing; empty when all are there.
    pub(super) missing: String,
    /// Octal digits.
    pub(super) mode: Option<String>,
    pub(super) directory_mode: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// `uid:gid` of the old file, for the new one.
    pub(super) keep_ids: Option<String>,
    pub(super) backup: bool,
    pub(super) validate: Option<String>,
    pub(super) sha1: String,
    pub(super) sha256: String,
    pub(super) source: Option<String>,
}

/// What stands at the destination.
pub(super) struct Found {
    dest: String,
    umask: u32,
    missing: String,
    state: Option<FileState>,
    before: Vec<u8>,
}

/// Finds out what differs.
pub(super) async fn inspect(cx: &Context, delivery: &Delivery) -> Result<Inspection, ModuleError> {
    let script = format!("{FUNCTIONS}{}", look(cx, delivery)?);
    let output = cx.remote.run(script).await?;
    succeed(&output)?;
    let found = Found::read(&mut Fields::new(&output.stdout))?;
    decide(cx, delivery, found)
}

/// What is to be done about what was found.
pub(super) fn decide(
    cx: &Context,
    delivery: &Delivery,
    found: Found,
) -> Result<Inspection, ModuleError> {
    let into_folder = delivery.dest.ends_with('/');
    if !found.missing.is_empty() && !into_folder {
        return Err(ModuleError::failed(format!(
            "Destination directory {} does not exist",
            folder_of(&found.dest)
        )));
    }
    if let Some(state) = &found.state {
        if state.kind == FileType::Folder {
            return Err(ModuleError::failed(format!(
                "can not use content with a dir as dest: {}",
                found.dest
            )));
        }
        if !delivery.force {
            let mut result = result_of(delivery.source.as_ref(), &found.dest, None);
            state.describe(&mut result);
            result.insert("msg".to_owned(), "file already exists".into());
            return Ok(Inspection::Done(Outcome {
                result,
                ..Outcome::default()
            }));
        }
    }
    Ok(compare(cx, delivery, found))
}

/// The lines of a script that look at the destination, after `FUNCTIONS`; `Found::read` reads the answer.
pub(super) fn look(cx: &Context, delivery: &Delivery) -> Result<String, ModuleError> {
    if delivery
        .validate
        .as_ref()
        .is_some_and(|text| !text.contains("%s"))
    {
        return Err(ModuleError::failed("`validate` must contain %s"));
    }
    let fetch = cx.diff && matches!(delivery.content, Content::Here(_));
    let head = format!(
        "{}name={} end={} want={} follow={} limit={}\n",
        resolve(&delivery.dest)?,
        quote(delivery.name.as_deref().unwrap_or("")),
        if delivery.dest.ends_with('/') {
            "yes"
        } else {
            ""
        },
        delivery.content.sha1(),
        if delivery.follow { "yes" } else { "" },
        if fetch { diff::LIMIT + 1 } else { 0 },
    );
    Ok(head + LOOK)
}

/// Looks at `$p`. Of a file that will differ, the start is fetched too, as long as `--diff` wants it.
const LOOK: &str = r#"if [ -n "$name" ]; then
  if [ -d "$p" ] || [ -n "$end" ]; then p=${p%/}/$name; fi
fi
if [ -n "$follow" ] && [ -L "$p" ] && [ -e "$p" ]; then p=$(readlink -f "$p"); fi
missing=
folder=${p%/*}
while [ -n "$folder" ] && [ ! -d "$folder" ]; do missing=$folder; folder=${folder%/*}; done
printf '%s\0%s\0%s\0' "$p" "$(umask)" "$missing"
sum=
look '' sha1sum "$p"
if [ "$limit" -gt 0 ] && [ -f "$p" ] && [ -r "$p" ] && [ "${sum%% *}" != "$want" ]; then
  size=$(head -c "$limit" "$p" | wc -c)
  printf '%s\0' "$size"
  head -c "$size" "$p"
else
  printf '0\0'
fi
"#;

impl Found {
    /// Reads the answer to one `look`.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, ModuleError> {
        Ok(Self {
            dest: fields.next()?,
            umask: u32::from_str_radix(&fields.next()?, 8).unwrap_or(0o022),
            missing: fields.next()?,
            state: FileState::read(fields)?,
            before: {
                let size = fields.next()?.trim().parse().unwrap_or(0);
                fields.take(size)?.to_vec()
            },
        })
    }
}

/// Compares what stands there with what is wanted.
fn compare(cx: &Context, delivery: &Delivery, found: Found) -> Inspection {
    let old = found
        .state
        .as_ref()
        .filter(|state| state.kind == FileType::File);
    let plan = plan(delivery, &found, old);
    let mut result = result_of(
        delivery.source.as_ref(),
        &found.dest,
        Some(delivery.content.sha1()),
    );
    if let Some(state) = old {
        state.describe(&mut result);
    }
    if !plan.write && plan.mode.is_none() && plan.owner.is_none() && plan.group.is_none() {
        return Inspection::Done(Outcome {
            result,
            ..Outcome::default()
        });
    }
    if let Some(mode) = &plan.mode {
        result.insert("mode".to_owned(), mode.as_str().into());
    }
    let diff = if cx.diff {
        differences(delivery, &found, old, &plan)
    } else {
        Vec::new()
    };
    let (verb, entry) = if !plan.write {
        ("set attributes of", Entry::Attributes(found.dest.clone()))
    } else if !found.missing.is_empty() {
        ("create", Entry::Path(found.missing))
    } else if found.state.is_some() {
        ("replace", Entry::Path(found.dest.clone()))
    } else {
        ("create", Entry::Path(found.dest.clone()))
    };
    let payload = match &delivery.content {
        Content::Here(loaded) if plan.write => Some(loaded.bytes.clone()),
        _ => None,
    };
    Inspection::Change(Change {
        what: format!("{verb} {}", found.dest),
        result,
        diff,
        undo: Undo::Entries(vec![entry]),
        opaque: false,
        plan: serde_json::to_value(plan).unwrap_or_default(),
        payload,
    })
}

/// What is to be written and set; `old` is the file that stands there.
fn plan(delivery: &Delivery, found: &Found, old: Option<&FileState>) -> Plan {
    let content = &delivery.content;
    let write = old.is_none_or(|state| state.checksum.as_deref() != Some(content.sha1()));
    let now = old.map_or(0o666 & !found.umask, |state| state.mode);
    let mode = delivery
        .mode
        .as_ref()
        .map_or(now, |mode| mode.bits(now, false, found.umask));
    let (sha256, from, part) = match content {
        Content::Here(loaded) => (loaded.sha256.clone(), None, None),
        Content::There {
            path, temporary, ..
        } => {
            let path = Some(path.clone());
            let (from, part) = if *temporary {
                (None, path)
            } else {
                (path, None)
            };
            (String::new(), from, part)
        }
    };
    // A new file gets all that is asked for, one that stays only what differs.
    let owner = delivery.owner.clone();
    let owner = owner.filter(|name| write || old.is_none_or(|state| !state.owned_by(name)));
    let group = delivery.group.clone();
    let group = group.filter(|name| write || old.is_none_or(|state| !state.in_group(name)));
    Plan {
        write,
        mode: (write || mode != now).then(|| octal(mode)),
        directory_mode: delivery
            .directory_mode
            .as_ref()
            .map(|mode| octal(mode.bits(0o777 & !found.umask, true, found.umask))),
        owner,
        group,
        keep_ids: old.map(|state| format!("{}:{}", state.uid, state.gid)),
        backup: delivery.backup && write && found.state.is_some(),
        validate: delivery.validate.clone().filter(|_| write),
        sha1: content.sha1().to_owned(),
        sha256,
        from,
        part,
        source: delivery.source.clone(),
        missing: found.missing.clone(),
        dest: found.dest.clone(),
    }
}

fn differences(
    delivery: &Delivery,
    found: &Found,
    old: Option<&FileState>,
    plan: &Plan,
) -> Vec<String> {
    let mut texts = Vec::new();
    if let (true, Content::Here(loaded)) = (plan.write, &delivery.content) {
        texts.push(diff::unified(
            &format!("before: {}", found.dest),
            &format!("after: {} ({})", found.dest, delivery.label),
            &found.before,
            &loaded.bytes,
        ));
    }
    if let Some(state) = old {
        let mode = octal(state.mode);
        let new_mode = plan.mode.clone().unwrap_or_else(|| mode.clone());
        let owner = delivery.owner.clone().filter(|name| !state.owned_by(name));
        let group = delivery.group.clone().filter(|name| !state.in_group(name));
        let owner_now = state.owner_text();
        let group_now = state.group_text();
        texts.push(diff::attributes(
            &found.dest,
            &[
                ("mode", mode, new_mode),
                ("owner", owner_now.clone(), owner.unwrap_or(owner_now)),
                ("group", group_now.clone(), group.unwrap_or(group_now)),
            ],
        ));
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// The return values that are known without looking.
pub(super) fn result_of(
    source: Option<&String>,
    dest: &str,
    sha1: Option<&str>,
) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("dest".to_owned(), dest.into());
    if let Some(source) = source {
        result.insert("src".to_owned(), source.as_str().into());
    }
    if let Some(sha1) = sha1 {
        result.insert("checksum".to_owned(), sha1.into());
    }
    result
}

/// The folder of an absolute path; empty for `/`.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |parts| parts.0)
}
