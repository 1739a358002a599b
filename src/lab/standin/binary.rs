//! Binaries of Kubernetes and k3s that know their version and little else.

/// A binary that a lab host can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// `etcd`.
    Etcd,
    /// `etcdctl`, which talks to it.
    Etcdctl,
    /// `etcdutl`, which looks at its files.
    Etcdutl,
    /// `k3s`.
    K3s,
    /// `kube-apiserver`.
    KubeApiserver,
    /// `kube-controller-manager`.
    KubeControllerManager,
    /// `kube-scheduler`.
    KubeScheduler,
    /// `kubeadm`.
    Kubeadm,
    /// `kubelet`.
    Kubelet,
}

/// The line by which a binary of the lab is known.
const MARK: &str = "# A stand-in of the windlass lab.";

/// A service: it knows its version and the names of its flags.
const DAEMON: &str = include_str!("daemon.sh");
/// `etcdctl` and `etcdutl`.
const ETCD_TOOLS: &str = include_str!("etcd-tools.sh");
const KUBEADM: &str = include_str!("kubeadm.sh");
/// `k3s`: its snapshots, its reset, and who leads its etcd.
const K3S: &str = include_str!("k3s.sh");
/// Ends all of k3s on a host; the real one comes with k3s' installation.
pub(in crate::lab) const K3S_KILLALL: &str = include_str!("k3s-killall.sh");

/// The first minor version of Kubernetes whose control plane can emulate an older one (KEP-4330).
const FIRST_EMULATING: u32 = 31;

impl BinaryKind {
    /// All binaries, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::Etcd,
        Self::Etcdctl,
        Self::Etcdutl,
        Self::K3s,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubeadm,
        Self::Kubelet,
    ];

    /// The binary's file name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Etcdctl => "etcdctl",
            Self::Etcdutl => "etcdutl",
            Self::K3s => "k3s",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubeadm => "kubeadm",
            Self::Kubelet => "kubelet",
        }
    }

    /// The version that it has on a host that runs this version of Kubernetes: etcd has versions of its own.
    pub(in crate::lab) fn version_beside(self, kubernetes: &str) -> &str {
        match self {
            // What kubeadm of that version brings along: etcd 3.6 since Kubernetes 1.34.
            Self::Etcd | Self::Etcdctl | Self::Etcdutl if minor(kubernetes) >= 34 => "v3.6.6",
            Self::Etcd | Self::Etcdctl | Self::Etcdutl => "v3.5.26",
            _ => kubernetes,
        }
    }

    /// The names of a service's flags; some of those that the real one has. `None` for what is no service.
    fn flags(self) -> Option<&'static str> {
        match self {
            Self::Etcd => Some("advertise-client-urls data-dir listen-client-urls name"),
            Self::KubeApiserver => Some(
                "advertise-address allow-privileged authorization-mode client-ca-file etcd-servers secure-port \
                 service-account-issuer service-cluster-ip-range tls-cert-file tls-private-key-file",
            ),
            Self::KubeControllerManager => Some(
                "authentication-kubeconfig cluster-cidr kubeconfig leader-elect root-ca-file service-cluster-ip-range",
            ),
            Self::KubeScheduler => Some("authentication-kubeconfig config kubeconfig leader-elect"),
            Self::Kubelet => {
                Some("config container-runtime-endpoint hostname-override kubeconfig node-ip")
            }
            Self::Etcdctl | Self::Etcdutl | Self::K3s | Self::Kubeadm => None,
        }
    }

    /// Whether it can be told to behave as an older version.
    fn emulates(self, version: &str) -> bool {
        let emulating = matches!(
            self,
            Self::KubeApiserver | Self::KubeControllerManager | Self::KubeScheduler
        );
        emulating && minor(version) >= FIRST_EMULATING
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

/// The second number of a version; 0 when there is none.
fn minor(version: &str) -> u32 {
    let number = version.split('.').nth(1).unwrap_or_default();
    number.parse().unwrap_or_default()
}

/// The exact content of a lab binary of this version, such as `v1.34.3` or `v1.34.3+k3s1`.
///
/// The same arguments always give the same bytes, so that it can also serve as an artifact with a known checksum.
pub fn binary(kind: BinaryKind, version: &str) -> String {
    let name = kind.file_name();
    let head = format!("#!/bin/sh\nVERSION={version}\n{MARK}\n");
    if let Some(flags) = kind.flags() {
        return head + &service(kind, name, version, flags);
    }
    head + &match kind {
        BinaryKind::Etcdctl | BinaryKind::Etcdutl => format!("NAME={name}\n{ETCD_TOOLS}"),
        BinaryKind::Kubeadm => KUBEADM.to_owned(),
        _ => format!("NAME={name}\n{K3S}"),
    }
}

/// The body of a service.
fn service(kind: BinaryKind, name: &str, version: &str, flags: &str) -> String {
    let answer = match kind {
        BinaryKind::Etcd => "etcd Version: ${VERSION#v}",
        _ => "Kubernetes $VERSION",
    };
    let emulation = if kind.emulates(version) {
        let minor = minor(version);
        let oldest = minor.saturating_sub(3).max(FIRST_EMULATING);
        format!("FLAGS=\"$FLAGS emulated-version\"\nEMULATES=1.{oldest}..1.{minor}\n")
    } else {
        String::new()
    };
    format!("NAME={name}\nANSWER=\"{answer}\"\nFLAGS='{flags}'\n{emulation}{DAEMON}")
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

    #[test]
    fn services_know_their_flags() {
        let run = |kind: BinaryKind, version: &str, arguments: &[&str]| {
            let output = Command::new("/bin/sh")
                .args(["-c", &binary(kind, version), kind.file_name()])
                .args(arguments)
                .output()
                .unwrap();
            let text = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(text).unwrap())
        };
        let api = BinaryKind::KubeApiserver;
        let (status, help) = run(api, "v1.35.1", &["--help"]);
        assert!(
            status == Some(0) && help.contains("\n      --etcd-servers string\n"),
            "{help}"
        );
        assert!(
            help.contains("Options are: kube=1.32..1.35(default:1.35)"),
            "{help}"
        );
        let flags = ["--etcd-servers=x", "--emulated-version=1.34", "--version"];
        assert_eq!(
            run(api, "v1.35.1", &flags),
            (Some(0), "Kubernetes v1.35.1\n".to_owned())
        );
        let refused = (
            Some(1),
            "Error: unknown flag: --emulated-version\n".to_owned(),
        );
        assert_eq!(run(api, "v1.30.1", &flags), refused);
        let etcd = run(BinaryKind::Etcd, "v3.6.6", &["--version"]);
        assert_eq!(etcd, (Some(0), "etcd Version: 3.6.6\n".to_owned()));
        for (kubernetes, etcd) in [("v1.33.9", "v3.5.26"), ("v1.34.3", "v3.6.6")] {
            assert_eq!(BinaryKind::Etcdctl.version_beside(kubernetes), etcd);
            assert_eq!(BinaryKind::Kubeadm.version_beside(kubernetes), kubernetes);
        }
    }
}
