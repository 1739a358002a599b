//! The flags that a systemd unit gives to a Kubernetes binary, and those that a binary knows by its `--help`.
//!
//! Pure text. A flag that a new binary does not know makes it end at once, again and again, so this is looked at before the
//! binary is put in place.

use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A flag that a unit gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFlag {
    /// Its name without dashes, with `-` for `_` as Kubernetes reads it.
    pub name: String,
    /// The word as it stands there.
    pub word: String,
    /// The file that says so.
    pub file: String,
}

/// What a unit starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitCommand {
    /// The effective `ExecStart`, in one line, as it is written.
    pub exec_start: String,
    /// Its flags and those of the variables in it.
    pub flags: Vec<GivenFlag>,
}

/// What a binary's `--help` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownFlags {
    /// The names of the flags that are shown. Deprecated ones are known and not shown.
    pub names: BTreeSet<String>,
    /// The oldest and the newest version that it can be told to behave as, such as `1.33` and `1.36`.
    pub emulates: Option<(String, String)>,
}

impl UnitCommand {
    /// From the output of `systemctl cat UNIT`, and the texts of the unit's environment files by their paths.
    pub fn parse(cat: &str, environment: &[(String, String)]) -> Self {
        let mut exec: Option<(String, String)> = None;
        let mut variables = Vec::new();
        for (file, line) in settings(cat) {
            match line.split_once('=') {
                // An empty one forgets the ones before it.
                Some(("ExecStart", value)) => {
                    exec =
                        (!value.trim().is_empty()).then(|| (file.clone(), value.trim().to_owned()));
                }
                Some(("Environment", value)) => {
                    for pair in shlex::split(value).unwrap_or_default() {
                        variables.push((file.clone(), pair));
                    }
                }
                _ => {}
            }
        }
        for (file, text) in environment {
            for line in logical_lines(text) {
                variables.push((file.clone(), line));
            }
        }
        let Some((file, exec_start)) = exec else {
            return Self::default();
        };
        let mut flags = Vec::new();
        collect(&exec_start, &file, &mut flags);
        for (file, pair) in variables {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let name = name.trim();
            let used = [format!("${{{name}}}"), format!("${name}")]
                .iter()
                .any(|reference| exec_start.contains(reference.as_str()));
            if used {
                collect(value, &file, &mut flags);
            }
        }
        Self { exec_start, flags }
    }
}

/// The environment files that a unit reads, from the output of `systemctl cat`.
pub fn environment_files(cat: &str) -> Vec<String> {
    let mut files = Vec::new();
    for (_, line) in settings(cat) {
        if let Some(("EnvironmentFile", path)) = line.split_once('=') {
            match path.trim().trim_start_matches('-') {
                "" => files.clear(),
                path => files.push(path.to_owned()),
            }
        }
    }
    files
}

/// The lines `Name=value` of all files, each with its file: `systemctl cat` puts `# /path` above each.
fn settings(cat: &str) -> Vec<(String, String)> {
    let mut file = String::new();
    let mut found = Vec::new();
    for line in logical_lines(cat) {
        match line.strip_prefix("# /") {
            Some(path) => file = format!("/{path}"),
            None => found.push((file.clone(), line)),
        }
    }
    found
}

/// Lines with those that end in a backslash joined to the next; comments other than the names of files are left out.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        let comment = line.starts_with(['#', ';']);
        if comment && (!open.is_empty() || !line.starts_with("# /")) {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part.trim_end());
            open.push(' ');
        } else {
            open.push_str(line);
            lines.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        lines.push(open);
    }
    lines
}

/// Adds the flags in a command line. Words inside quotes count, too: `/bin/sh -c 'exec kube-apiserver --x'`.
fn collect(line: &str, file: &str, flags: &mut Vec<GivenFlag>) {
    let words =
        shlex::split(line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
    for word in words.iter().flat_map(|word| word.split_whitespace()) {
        let word = word.trim_matches(['"', '\'']);
        let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) else {
            continue;
        };
        let name = flag.split('=').next().unwrap_or(flag).replace('_', "-");
        flags.push(GivenFlag {
            name,
            word: word.to_owned(),
            file: file.to_owned(),
        });
    }
}

static FLAG: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^\s+(?:-\w, )?--([A-Za-z0-9][\w.-]*)").ok());
static EMULATES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"kube=(\d+\.\d+)\.\.(\d+\.\d+)").ok());

impl KnownFlags {
    /// From the output of `--help`.
    pub fn parse(help: &str) -> Self {
        let names = FLAG.iter().flat_map(|pattern| pattern.captures_iter(help));
        let emulates = EMULATES.as_ref().and_then(|pattern| pattern.captures(help));
        Self {
            names: names.map(|found| found[1].replace('_', "-")).collect(),
            emulates: emulates.map(|found| (found[1].to_owned(), found[2].to_owned())),
        }
    }

    /// The flags that are not shown.
    pub fn lacks<'a>(&self, given: &'a [GivenFlag]) -> Vec<&'a GivenFlag> {
        let shown = |flag: &&GivenFlag| !self.names.contains(&flag.name);
        given.iter().filter(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAT: &str = r#"# /etc/systemd/system/kube-apiserver.service
[Service]
# --commented=1
EnvironmentFile=-/etc/kubernetes/apiserver
Environment="MORE=--audit-log-path=/x --v=2" OTHER=--not-used
ExecStart=/usr/local/bin/kube-apiserver \
  --etcd-servers=https://a:2379 \
  # --in-the-middle=1
  --allow_privileged=true $ARGS ${MORE}
# /etc/systemd/system/kube-apiserver.service.d/10.conf
[Service]
ExecStart=
ExecStart=/bin/sh -c 'exec kube-apiserver --secure-port=6443 $ARGS ${MORE}'
"#;

    #[test]
    fn flags_are_found_wherever_a_unit_has_them() {
        assert_eq!(environment_files(CAT), ["/etc/kubernetes/apiserver"]);
        let environment = [(
            "/etc/kubernetes/apiserver".to_owned(),
            "# --old\nARGS=\"--feature_gates=A=true \\\n  --profiling=false\"\nNONE=--none\n"
                .to_owned(),
        )];
        let unit = UnitCommand::parse(CAT, &environment);
        assert!(
            unit.exec_start.starts_with("/bin/sh -c"),
            "{}",
            unit.exec_start
        );
        let found: Vec<_> = unit
            .flags
            .iter()
            .map(|flag| (&*flag.name, flag.file.rsplit('/').next().unwrap()))
            .collect();
        let unit_file = "kube-apiserver.service";
        assert_eq!(
            found,
            [
                ("secure-port", "10.conf"),
                ("audit-log-path", unit_file),
                ("v", unit_file),
                ("feature-gates", "apiserver"),
                ("profiling", "apiserver"),
            ]
        );
        let first = CAT
            .split("# /etc/systemd/system/kube-apiserver.service.d")
            .next()
            .unwrap();
        let names: Vec<_> = UnitCommand::parse(first, &[])
            .flags
            .into_iter()
            .map(|flag| flag.name)
            .collect();
        assert_eq!(names[..2], ["etcd-servers", "allow-privileged"]);
    }

    #[test]
    fn help_tells_flags_and_the_range_of_emulation() {
        let help = "Usage:\n  kube-apiserver [flags]\n\nGeneric flags:\n\n      --etcd-servers strings    List of x, such as --y\n  -h, --help                help\n      --emulated-version strings   The versions\n               Options are: kube=1.33..1.36(default:1.36)\n";
        let known = KnownFlags::parse(help);
        let names: Vec<_> = known.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["emulated-version", "etcd-servers", "help"]);
        assert_eq!(known.emulates, Some(("1.33".to_owned(), "1.36".to_owned())));
        let unit = UnitCommand::parse(
            "# /u\nExecStart=/k --etcd-servers=a --cloud-provider=b\n",
            &[],
        );
        let lacking: Vec<_> = known
            .lacks(&unit.flags)
            .into_iter()
            .map(|flag| &*flag.word)
            .collect();
        assert_eq!(lacking, ["--cloud-provider=b"]);
    }
}
