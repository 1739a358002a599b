//! What stands at a path on a host: one shell function that looks, and the parser of its answer.
//!
//! Answers are fields that end with NUL, since names on a host may hold anything else.

use super::ModuleError;
use super::mode::octal;
use crate::shell::quote;
use serde_json::{Map, Value};

/// The shell function `resolve`, for two constants.
macro_rules! resolve_function {
    () => {
        r"resolve() {
  case $1 in
    '~') p=$HOME ;;
    '~/'*) p=$HOME${1#'~'} ;;
    /*) p=$1 ;;
    *) p=$PWD/$1 ;;
  esac
  while :; do case $p in ?*/) p=${p%/} ;; *) break ;; esac; done
}
"
    };
}

/// `resolve PATH` alone: sets `p` to the absolute path, `~` expanded.
pub(super) const RESOLVE: &str = resolve_function!();

/// Shell functions for scripts of modules.
///
/// - `resolve PATH` sets `p` to the absolute path, `~` expanded.
/// - `look FOLLOW SUM PATH` prints what stands there; FOLLOW is `-L` or empty, SUM a checksum program or empty.
pub(super) const FUNCTIONS: &str = concat!(
    r#"LC_ALL=C
export LC_ALL
"#,
    resolve_function!(),
    r#"look() {
  facts=$(stat $1 -c '%f %u %g %s %i %d %h %X %Y %Z %b %o
%U
%G' "$3" 2>&1) || {
    case $facts in
      *'No such file'*|*'Not a directory'*) printf 'absent\0' ;;
      *) printf 'error\0%s\0' "$facts" ;;
    esac
    return 0
  }
  printf 'there\0%s\0' "$facts"
  if [ -L "$3" ] && [ -z "$1" ]; then
    printf '%s\0%s\0' "$(readlink "$3")" "$(readlink -f "$3")"
  else
    printf '\0\0'
  fi
  may=
  [ -r "$3" ] && may=r
  [ -w "$3" ] && may=${may}w
  [ -x "$3" ] && may=${may}x
  sum=
  if [ -n "$2" ] && [ -f "$3" ] && [ -r "$3" ]; then
    sum=$("$2" <"$3" 2>/dev/null)
  fi
  printf '%s\0%s\0' "$may" "${sum%% *}"
}
"#
);

/// `resolve` for `path`, as a line of a script. `~user` is refused: only the host could expand it, and only by `eval`.
pub(super) fn resolve(path: &str) -> Result<String, ModuleError> {
    if path.is_empty() {
        return Err(ModuleError::failed("the path is empty"));
    }
    if path.starts_with('~') && path != "~" && !path.starts_with("~/") {
        return Err(ModuleError::failed(format!(
            "`{path}`: only `~/` is expanded on a host, not `~user`"
        )));
    }
    Ok(format!("resolve {}\n", quote(path)))
}

/// The NUL-ended fields of an answer, taken one after the other.
#[derive(Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Of all that a script printed.
    pub(super) fn new(output: &'a [u8]) -> Self {
        Self(output)
    }

    /// The next field, as text.
    pub(super) fn next(&mut self) -> Result<String, ModuleError> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(|| {
            ModuleError::failed(format!(
                "the host's answer was cut off: {:?}",
                String::from_utf8_lossy(self.0)
            ))
        })?;
        let field = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[end + 1..];
        Ok(field)
    }

    /// The next `size` bytes as they are.
    pub(super) fn take(&mut self, size: usize) -> Result<&'a [u8], ModuleError> {
        let (taken, rest) = self
            .0
            .split_at_checked(size)
            .ok_or_else(|| ModuleError::failed("the host's answer was cut off"))?;
        self.0 = rest;
        Ok(taken)
    }
}

/// What kind of thing stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileType {
    File,
    Folder,
    Link,
    Fifo,
    Socket,
    Block,
    Character,
}

impl FileType {
    /// Of a `st_mode`.
    fn of(raw: u32) -> Self {
        match raw & 0o170_000 {
            0o040_000 => Self::Folder,
            0o120_000 => Self::Link,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o060_000 => Self::Block,
            0o020_000 => Self::Character,
            _ => Self::File,
        }
    }
}

/// What stands at a path.
#[derive(Debug, Clone)]
pub(super) struct FileState {
    pub(super) kind: FileType,
    /// Permission bits with set-id and sticky.
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) inode: u64,
    pub(super) device: u64,
    pub(super) links: u64,
    /// Access, modification and change times, in seconds since 1970.
    pub(super) times: [i64; 3],
    pub(super) blocks: u64,
    pub(super) block_size: u64,
    /// User name; `None` when the number has none.
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// A link's target as it is written, and where it leads in the end.
    pub(super) target: Option<(String, String)>,
    /// Letters of `rwx` that the task's user may.
    pub(super) access: String,
    /// Checksum of a file, when it was asked for and could be had.
    pub(super) checksum: Option<String>,
}

impl FileState {
    /// Reads one answer of `look`; `None` when nothing stands there.
    pub(super) fn read(fields: &mut Fields) -> Result<Option<Self>, ModuleError> {
        match fields.next()?.as_str() {
            "absent" => return Ok(None),
            "there" => {}
            _ => return Err(ModuleError::failed(fields.next()?)),
        }
        let facts = fields.next()?;
        let unreadable =
            || ModuleError::failed(format!("cannot read the answer of `stat`: {facts}"));
        let mut lines = facts.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let raw = words
            .next()
            .and_then(|word| u32::from_str_radix(word, 16).ok())
            .ok_or_else(unreadable)?;
        let numbers: Vec<i64> = words.filter_map(|word| word.parse().ok()).collect();
        let [
            uid,
            gid,
            size,
            inode,
            device,
            names,
            a,
            m,
            c,
            blocks,
            block_size,
        ] = numbers[..]
        else {
            return Err(unreadable());
        };
        let mut name = || {
            lines
                .next()
                .filter(|name| *name != "UNKNOWN")
                .map(str::to_owned)
        };
        let (owner, group) = (name(), name());
        let kind = FileType::of(raw);
        let target = (fields.next()?, fields.next()?);
        let access = fields.next()?;
        let checksum = Some(fields.next()?).filter(|sum| !sum.is_empty());
        Ok(Some(Self {
            kind,
            mode: raw & 0o7777,
            uid: uid.cast_unsigned(),
            gid: gid.cast_unsigned(),
            size: size.cast_unsigned(),
            inode: inode.cast_unsigned(),
            device: device.cast_unsigned(),
            links: names.cast_unsigned(),
            times: [a, m, c],
            blocks: blocks.cast_unsigned(),
            block_size: block_size.cast_unsigned(),
            owner,
            group,
            target: (kind == FileType::Link).then_some(target),
            access,
            checksum,
        }))
    }

    /// Whether `user`, a name or a number, owns it.
    pub(super) fn owned_by(&self, user: &str) -> bool {
        self.owner.as_deref() == Some(user) || user.parse() == Ok(self.uid)
    }

    /// Whether `group`, a name or a number, is its group.
    pub(super) fn in_group(&self, group: &str) -> bool {
        self.group.as_deref() == Some(group) || group.parse() == Ok(self.gid)
    }

    /// The owner's name, or number when it has none.
    pub(super) fn owner_text(&self) -> String {
        self.owner.clone().unwrap_or_else(|| self.uid.to_string())
    }

    /// The group's name, or number when it has none.
    pub(super) fn group_text(&self) -> String {
        self.group.clone().unwrap_or_else(|| self.gid.to_string())
    }

    /// Ansible's word for `state`.
    pub(super) fn state_name(&self) -> &'static str {
        match self.kind {
            FileType::Folder => "directory",
            FileType::Link => "link",
            FileType::File if self.links > 1 => "hard",
            _ => "file",
        }
    }

    /// The return values that all file modules share.
    pub(super) fn describe(&self, result: &mut Map<String, Value>) {
        result.insert("mode".to_owned(), octal(self.mode).into());
        result.insert("owner".to_owned(), self.owner_text().into());
        result.insert("group".to_owned(), self.group_text().into());
        result.insert("uid".to_owned(), self.uid.into());
        result.insert("gid".to_owned(), self.gid.into());
        result.insert("size".to_owned(), self.size.into());
        result.insert("state".to_owned(), self.state_name().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_refused() {
        let answer =
            b"there\x0081a4 0 1000 3 7 8 1 10 11 12 8 4096\nroot\nUNKNOWN\0\0\0rw\0abc\0tail";
        let mut fields = Fields::new(answer);
        let state = FileState::read(&mut fields).unwrap().unwrap();
        assert_eq!((state.kind, state.mode), (FileType::File, 0o644));
        assert_eq!((state.owner.as_deref(), state.group), (Some("root"), None));
        assert_eq!(state.checksum.as_deref(), Some("abc"));
        assert_eq!(fields.take(4).unwrap(), b"tail");
        assert!(fields.take(1).is_err());
        assert!(
            FileState::read(&mut Fields::new(b"absent\0"))
                .unwrap()
                .is_none()
        );
        for bad in ["there\0x", "there\0oops\0\0\0\0\0", "error\0stat: denied\0"] {
            assert!(FileState::read(&mut Fields::new(bad.as_bytes())).is_err());
        }
    }

    #[test]
    fn only_the_home_folder_is_expanded() {
        assert_eq!(resolve("~/a b").unwrap(), "resolve '~/a b'\n");
        assert!(resolve("~root/x").is_err());
        assert!(resolve("").is_err());
    }
}
