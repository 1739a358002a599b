//! The script that looks at one host: one round trip, nothing changed.
//!
//! It answers NUL-ended fields, a name and a text, again and again; `host_answer` reads them. A host that is at its target
//! already ends the script before anything costs time. Nothing secret leaves the host: of unit files and environment files
//! only the program and the names of flags are printed, of files with keys only the certificates.

use crate::shell::{join, quote};
use serde::Deserialize;
use std::fmt::Write as _;

/// One binary that is to be at a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Component {
    /// The binary's file name.
    pub name: String,
    /// Where it is on the host.
    pub path: String,
    /// The unit that runs it.
    pub service: String,
    /// The version it is to have, as the binary prints it.
    pub version: String,
    /// The host may do without it.
    #[serde(default)]
    pub optional: bool,
}

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct HostRequest {
    /// Stands before the paths of the system's own files (`/etc/machine-id`, `/proc/swaps`); empty on a real host. Where it
    /// is not, the machine's own programs are not asked either: they would speak of another machine.
    pub root: String,
    /// The binaries.
    pub components: Vec<Component>,
    /// The node is at its target and in service, as far as the cluster knows.
    pub current: bool,
    /// Where the new binaries wait and backups go.
    pub state_dir: String,
    /// Folder of the Kubernetes configuration.
    pub config_dir: String,
    /// Folder of static pods.
    pub manifests: String,
    /// etcd's or k3s' data, of which snapshots are made; empty where the host has none.
    pub data_dir: String,
    /// Files with certificates: PEM, or kubeconfigs. The shell expands them.
    pub certificates: Vec<String>,
}

const FUNCTIONS: &str = r#"put() { printf '%s\0%s\0' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
limited() {
  if have timeout; then timeout "$@"; else shift; "$@"; fi
}
existing() {
  at=$1
  while [ ! -d "$at" ] && [ -n "$at" ] && [ "$at" != / ]; do
    case $at in */*) at=${at%/*} ;; *) at=. ;; esac
  done
  printf %s "${at:-/}"
}
component() {
  said=$(limited 20 "$2" --version 2>&1 </dev/null | head -n 3)
  put "version:$1" "$said"
  put "size:$1" "$(stat -L -c %s "$2" 2>/dev/null)"
  if [ -e "$manifests/$1.yaml" ]; then
    put "static:$1" yes
    put kubeadm yes
    return
  fi
  words=" $(printf %s "$said" | tr -cs 'A-Za-z0-9.+_~-' ' ') "
  case $words in *" $4 "*) ;; *) [ -n "$5" ] && [ ! -e "$2" ] || outdated=yes ;; esac
}
"#;

/// The clock stands first, before anything takes time.
const START: &str = r#"put clock "$(date +%s%N 2>/dev/null)"
put seconds "$(date +%s)"
put system "$(uname -s)"
put machine "$(uname -m)"
put machine_id "$(cat "$root/etc/machine-id" 2>/dev/null)"
put addresses "$(ip -o addr 2>/dev/null)"
put uid "$(id -u)"
outdated=
"#;

/// Of units, environment files and static pods only the program and the flags' names, since values may be secret.
const UNITS: &str = r#"flags() {
  grep -oE -e '--[a-z][a-z0-9-]*(=[A-Za-z0-9,=]*)?' | sed -e '/^--feature-gates=/!s/=.*//' | sort -u
}
unit() {
  text=$(systemctl cat "$2" 2>/dev/null)
  program=$(printf '%s\n' "$text" | sed -n -e 's/^ExecStart=[-@:+!]*"\([^"]*\)".*/\1/p' -e t \
    -e 's/^ExecStart=[-@:+!]*\([^ ]*\).*/\1/p' | tail -n 1)
  put "program:$1" "$program"
  [ -z "$program" ] || put "real:$1" "$(readlink -f "$program" 2>/dev/null)"
  put "path:$1" "$(readlink -f "$3" 2>/dev/null)"
  put "active:$1" "$(systemctl is-active "$2" 2>/dev/null)"
  put "flags:$1" "$({
    printf '%s\n' "$text"
    printf '%s\n' "$text" | sed -n 's/^EnvironmentFile=-\{0,1\}//p' | while IFS= read -r file; do
      cat "$file" 2>/dev/null
    done
    cat "$manifests/$1.yaml" 2>/dev/null
  } | flags)"
}
"#;

const SYSTEM: &str = r#"if have systemctl; then put systemd yes; fi
[ -n "$root" ] || [ -d /run/systemd/system ] || put systemd no
if [ -e "$root/run/reboot-required" ] || [ -e "$root/var/run/reboot-required" ] || [ -e "$root/run/reboot-needed" ]; then
  put reboot_due yes
fi
put swaps "$(tail -n +2 "$root/proc/swaps" 2>/dev/null)"
put swap_allowed "$(cat "$root/var/lib/kubelet/config.yaml" "$config/kubelet-config.yaml" 2>/dev/null | grep -E '^failSwapOn: *false')"
[ ! -e "$root/var/lib/kubelet/kubeadm-flags.env" ] || put kubeadm yes
[ ! -d "$root/sys/fs/cgroup" ] || put cgroup "$(stat -fc %T "$root/sys/fs/cgroup" 2>/dev/null)"
put cgroup_allowed "$(cat "$root/var/lib/kubelet/config.yaml" "$config/kubelet-config.yaml" 2>/dev/null | grep -E '^failCgroupV1: *false')"
put containerd_config "$(sed -n 's/^version *= *\([0-9]*\).*/\1/p' "$root/etc/containerd/config.toml" 2>/dev/null)"
[ ! -e "$root/etc/containerd/config.toml" ] || put containerd_config_there yes
if [ -z "$root" ]; then
  put containerd "$(have containerd && limited 10 containerd --version 2>/dev/null)"
  put runc "$(have runc && limited 10 runc --version 2>/dev/null | head -n 1)"
fi
timers=
for each in "$root"/run/systemd/transient/windlass-*.timer; do
  [ ! -e "$each" ] || timers="$timers ${each##*/}"
done
put timers "$timers"
open=
for each in "$state"/runs/*/manifest; do
  [ -e "$each" ] || continue
  tail -n 1 "$each" | grep -q -e '^committed ' -e '^undone$' && continue
  each=${each%/manifest}
  open="$open ${each##*/}"
done
put open "$open"
"#;

const DISKS: &str = r#"folder() {
  at=$(existing "$2")
  put "df:$1" "$(LC_ALL=C limited 10 df -P -k "$at" 2>/dev/null | tail -n 1)"
  put "inodes:$1" "$(LC_ALL=C limited 10 df -P -i "$at" 2>/dev/null | tail -n 1)"
  [ -w "$at" ] || put "readonly:$1" "$at"
}
"#;

const CERTIFICATES: &str = r#"put certificates "$(for each in "$@"; do
  [ -f "$each" ] && [ -r "$each" ] || continue
  printf 'file %s\n' "$each"
  sed -n -e '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' \
    -e 's/^ *client-certificate-data: */data /p' "$each"
done)"
"#;

/// The script for what is wanted.
pub fn host_script(request: &HostRequest) -> String {
    let mut script = format!(
        "{FUNCTIONS}root={}\nstate={}\nconfig={}\nmanifests={}\n",
        quote(&request.root),
        quote(&request.state_dir),
        quote(&request.config_dir),
        quote(&request.manifests),
    );
    script.push_str(START);
    for each in &request.components {
        let words = [
            each.name.as_str(),
            each.path.as_str(),
            each.service.as_str(),
            each.version.as_str(),
            if each.optional { "yes" } else { "" },
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(script, "component {}", join(words));
    }
    let current = if request.current { "yes" } else { "" };
    let _ = writeln!(
        script,
        "if [ -n '{current}' ] && [ -z \"$outdated\" ]; then put needed no; exit 0; fi\nput needed yes"
    );
    script.push_str(UNITS);
    for each in &request.components {
        let words = [
            each.name.as_str(),
            each.service.as_str(),
            each.path.as_str(),
        ];
        let _ = writeln!(script, "unit {}", join(words));
    }
    script.push_str(SYSTEM);
    script.push_str(DISKS);
    let mut folders: Vec<(&str, &str)> = request
        .components
        .iter()
        .map(|each| {
            let folder = each.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
            ("binaries", folder)
        })
        .take(1)
        .collect();
    folders.push(("state", &request.state_dir));
    if !request.data_dir.is_empty() {
        folders.push(("data", &request.data_dir));
        let data = quote(&request.data_dir);
        let _ = writeln!(
            script,
            "put database \"$(stat -c %s {data}/member/snap/db {data}/server/db/etcd/member/snap/db \
             {data}/server/db/state.db 2>/dev/null | tail -n 1)\"\n\
             [ ! -e {data}/server/db/etcd ] || put embedded yes"
        );
    }
    for (name, folder) in folders {
        let _ = writeln!(script, "folder {name} {}", quote(folder));
    }
    let _ = writeln!(script, "set -- {}", patterns(&request.certificates));
    script.push_str(CERTIFICATES);
    script.push_str("put end yes\nexit 0\n");
    script
}

/// Paths for the shell to expand: everything is quoted but the stars.
fn patterns(paths: &[String]) -> String {
    let quoted = paths.iter().map(|path| {
        path.split('*')
            .map(|part| {
                if part.is_empty() {
                    String::new()
                } else {
                    quote(part)
                }
            })
            .collect::<Vec<_>>()
            .join("*")
    });
    quoted.collect::<Vec<_>>().join(" ")
}
