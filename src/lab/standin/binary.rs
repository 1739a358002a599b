//! Binaries of Kubernetes and k3s that know their version and little else.

/// A binary that a lab host can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// `kubelet`.
    Kubelet,
    /// `kube-apiserver`.
    KubeApiserver,
    /// `k3s`.
    K3s,
}

/// The line by which a binary of the lab is known.
const MARK: &str = "# A stand-in of the windlass lab.";

/// What `k3s etcd-snapshot save [--name NAME]` does: it leaves a file where the real one does.
const SNAPSHOT: &str = r#"etcd-snapshot)
    name=on-demand
    [ "${2:-}" = save ] || { echo "k3s: the lab's stand-in can only save snapshots" >&2; exit 64; }
    [ "${3:-}" != --name ] || name=$4
    folder=${LAB_ROOT:?not set; this is a stand-in that runs on a windlass lab host}/var/lib/rancher/k3s/server/db/snapshots
    mkdir -p "$folder" && echo "the lab's etcd under k3s $VERSION" >"$folder/$name-${LAB_ROOT##*/}-$(date +%s)"
    ;;
"#;

impl BinaryKind {
    /// All binaries, in the order of their names.
    pub const ALL: [Self; 3] = [Self::K3s, Self::KubeApiserver, Self::Kubelet];

    /// The binary's file name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::KubeApiserver => "kube-apiserver",
            Self::K3s => "k3s",
        }
    }

    /// What `--version` prints, with `$VERSION` for the version, as the real binaries do.
    fn answer(self) -> &'static str {
        match self {
            Self::Kubelet | Self::KubeApiserver => "Kubernetes $VERSION",
            Self::K3s => "k3s version $VERSION (0123abcd)",
        }
    }

    /// More cases of its first argument.
    fn more(self) -> &'static str {
        match self {
            Self::Kubelet | Self::KubeApiserver => "",
            Self::K3s => SNAPSHOT,
        }
    }

    /// The version of a binary with this content; `None` when the lab did not make it.
    pub(in crate::lab) fn version_of(content: &[u8]) -> Option<String> {
        let head = content.get(..content.len().min(200))?;
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines().skip(1);
        let version = lines.next()?.strip_prefix("VERSION=")?;
        (lines.next()? == MARK).then(|| version.to_owned())
    }
}

/// The exact content of a lab binary of this version, such as `v1.34.3` or `v1.34.3+k3s1`.
///
/// The same arguments always give the same bytes, so that it can also serve as an artifact with a known checksum.
pub fn binary(kind: BinaryKind, version: &str) -> String {
    let (name, answer, more) = (kind.file_name(), kind.answer(), kind.more());
    format!(
        "#!/bin/sh\nVERSION={version}\n{MARK}\n\
         case ${{1:-}} in\n\
         --version | -v | version) echo \"{answer}\" ;;\n\
         --help | -h | help | '') echo \"usage: {name} --version\" ;;\n\
         {more}*)\n    echo \"{name}: the lab's stand-in cannot do this: $*\" >&2\n    exit 64\n    ;;\n\
         esac\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn binaries_answer_as_the_real_ones_do() {
        for (kind, version, expected) in [
            (BinaryKind::Kubelet, "v1.34.3", "Kubernetes v1.34.3\n"),
            (BinaryKind::KubeApiserver, "v1.36.2", "Kubernetes v1.36.2\n"),
            (
                BinaryKind::K3s,
                "v1.34.3+k3s1",
                "k3s version v1.34.3+k3s1 (0123abcd)\n",
            ),
        ] {
            let text = binary(kind, version);
            assert_eq!(text.lines().nth(1), Some(&*format!("VERSION={version}")));
            assert_eq!(
                BinaryKind::version_of(text.as_bytes()),
                Some(version.to_owned())
            );
            let run = |argument: &str| {
                Command::new("/bin/sh")
                    .args(["-c", &text, kind.file_name(), argument])
                    .output()
                    .unwrap()
            };
            let output = run("--version");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
            assert!(run("--help").status.success());
            assert_eq!(run("server").status.code(), Some(64));
        }
        assert_eq!(BinaryKind::version_of(b"\x7fELF\n\n\n"), None);
    }
}
