//! Which hosts a lab has and what they are.

use crate::lab::error::LabError;
use crate::lab::standin::BinaryKind;
use serde::{Deserialize, Serialize};

/// What a lab host is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A kubelet, etcd and a control plane, as systemd units.
    KubeControlPlane,
    /// A kubelet as a systemd unit, and a control plane in static pods, as kubeadm makes it.
    KubeadmControlPlane,
    /// A kubelet, as a systemd unit.
    KubeNode,
    /// `k3s server`, which is an API server and a node.
    K3sServer,
    /// `k3s agent`, which is a node.
    K3sAgent,
    /// A host with SSH and nothing else.
    Plain,
}

/// A unit of a lab host and the binary that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) struct RoleUnit {
    /// The unit's name without `.service`.
    pub(in crate::lab) name: &'static str,
    /// The binary.
    pub(in crate::lab) binary: BinaryKind,
    /// Arguments of the binary in the unit file.
    pub(in crate::lab) arguments: &'static str,
    /// Whether systemd waits until the service says that it is up (`Type=notify`).
    pub(in crate::lab) notifies: bool,
}

const KUBELET: RoleUnit = RoleUnit {
    name: "kubelet",
    binary: BinaryKind::Kubelet,
    arguments: "",
    notifies: false,
};
const API_SERVER: RoleUnit = RoleUnit {
    name: "kube-apiserver",
    binary: BinaryKind::KubeApiserver,
    arguments: " --authorization-mode=Node,RBAC --etcd-servers=http://127.0.0.1:2379 \
                --service-cluster-ip-range=10.96.0.0/12",
    notifies: true,
};
const CONTROLLER_MANAGER: RoleUnit = RoleUnit {
    name: "kube-controller-manager",
    binary: BinaryKind::KubeControllerManager,
    arguments: " --kubeconfig=/etc/kubernetes/controller-manager.conf --leader-elect=true",
    notifies: false,
};
const SCHEDULER: RoleUnit = RoleUnit {
    name: "kube-scheduler",
    binary: BinaryKind::KubeScheduler,
    arguments: " --kubeconfig=/etc/kubernetes/scheduler.conf --leader-elect=true",
    notifies: false,
};
const ETCD: RoleUnit = RoleUnit {
    name: "etcd",
    binary: BinaryKind::Etcd,
    arguments: " --data-dir=/var/lib/etcd",
    notifies: true,
};
const K3S: RoleUnit = RoleUnit {
    name: "k3s",
    binary: BinaryKind::K3s,
    arguments: " server",
    notifies: true,
};
const K3S_AGENT: RoleUnit = RoleUnit {
    name: "k3s-agent",
    binary: BinaryKind::K3s,
    arguments: " agent",
    notifies: true,
};

impl Role {
    /// The units of such a host.
    pub(in crate::lab) fn units(self) -> &'static [RoleUnit] {
        match self {
            Self::KubeControlPlane => &[API_SERVER, KUBELET, CONTROLLER_MANAGER, SCHEDULER, ETCD],
            // Its etcd is a static pod in reality; here it is a unit, which `etcdctl` asks in either case.
            Self::KubeadmControlPlane => &[KUBELET, ETCD],
            Self::KubeNode => &[KUBELET],
            Self::K3sServer => &[K3S],
            Self::K3sAgent => &[K3S_AGENT],
            Self::Plain => &[],
        }
    }

    /// Binaries that no unit runs.
    pub(in crate::lab) fn tools(self) -> &'static [BinaryKind] {
        match self {
            Self::KubeControlPlane => &[BinaryKind::Etcdctl, BinaryKind::Etcdutl],
            Self::KubeadmControlPlane => &[
                BinaryKind::Etcdctl,
                BinaryKind::Etcdutl,
                BinaryKind::Kubeadm,
            ],
            Self::KubeNode | Self::K3sServer | Self::K3sAgent | Self::Plain => &[],
        }
    }

    /// The unit that makes the host a node.
    pub(in crate::lab) fn node_unit(self) -> Option<&'static str> {
        match self {
            Self::KubeControlPlane | Self::KubeadmControlPlane | Self::KubeNode => {
                Some(KUBELET.name)
            }
            Self::K3sServer => Some(K3S.name),
            Self::K3sAgent => Some(K3S_AGENT.name),
            Self::Plain => None,
        }
    }

    /// The unit that serves the API.
    pub(in crate::lab) fn api_unit(self) -> Option<&'static str> {
        match self {
            Self::KubeControlPlane => Some(API_SERVER.name),
            Self::K3sServer => Some(K3S.name),
            Self::KubeadmControlPlane | Self::KubeNode | Self::K3sAgent | Self::Plain => None,
        }
    }
}

/// A host that a lab is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabHostConfig {
    /// Its name: letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The version that it has when it is made, such as `v1.34.3` or `v1.34.3+k3s1`. Later it keeps what it has.
    pub version: Option<String>,
}

impl LabHostConfig {
    /// Checks what will become part of paths and scripts.
    pub(in crate::lab) fn check(&self) -> Result<(), LabError> {
        let plain = |text: &str, more: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !plain(&self.name, "-_.") {
            return Err(LabError::HostName(self.name.clone()));
        }
        match &self.version {
            Some(version) if !plain(version, ".+-") || !version.starts_with('v') => {
                Err(LabError::Version(version.clone()))
            }
            None if self.role != Role::Plain => Err(LabError::NoVersion(self.name.clone())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_checked() {
        let check = |name: &str, role: Role, version: Option<&str>| {
            let host = LabHostConfig {
                name: name.to_owned(),
                role,
                version: version.map(str::to_owned),
            };
            host.check().map_err(|error| error.to_string())
        };
        let version = Some("v1.34.3+k3s1");
        assert_eq!(check("web-1.a_b", Role::K3sAgent, version), Ok(()));
        assert_eq!(check("bastion", Role::Plain, None), Ok(()));
        for name in ["", "..", "a/b", "a b", "-x", "a'b"] {
            assert!(check(name, Role::KubeNode, version).is_err(), "{name:?}");
        }
        for version in ["1.34.3", "v1;reboot", "v1 2", ""] {
            let answer = check("web", Role::KubeNode, Some(version));
            assert!(answer.unwrap_err().contains("cannot be the version"));
        }
        assert_eq!(
            check("web", Role::KubeNode, None).unwrap_err(),
            "lab host \"web\" needs a version, such as v1.34.3"
        );
    }
}
