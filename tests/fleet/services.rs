//! What is on a host when it boots: keys, its address, units like those of Kubespray and k3s, and the services' scripts.

use super::artifacts::{BEFORE, Behaviour, TARGET, binary};
use super::host::Plan;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    ControlPlane,
    Worker,
    Server,
    Agent,
}

const KUBELET: &str = "\
[Unit]
Description=Kubernetes Kubelet Server
After=fleet-link.service
[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
RestartSec=10s
[Install]
WantedBy=multi-user.target
";

const API_SERVER: &str = "\
[Unit]
Description=Kubernetes API Server
After=fleet-link.service
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/local/bin/kube-apiserver
Restart=always
RestartSec=10s
[Install]
WantedBy=multi-user.target
";

/// As k3s' own install script writes it, but for `NotifyAccess`: the stand-in is a shell, which has `systemd-notify` notify.
const K3S: &str = "\
[Unit]
Description=Lightweight Kubernetes
After=fleet-link.service
[Service]
Type=notify
NotifyAccess=all
KillMode=process
Delegate=yes
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=/usr/local/bin/k3s ROLE
[Install]
WantedBy=multi-user.target
";

/// Brings up the container's side of its link.
const LINK: &str = "\
[Unit]
DefaultDependencies=no
Before=network.target ssh.service
After=systemd-remount-fs.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/ip link set lo up
ExecStart=/bin/ip address add ADDRESS/24 dev host0
ExecStart=/bin/ip link set host0 up
[Install]
WantedBy=multi-user.target
";

const SCRIPTS: [(&str, &str); 7] = [
    ("healthz", include_str!("services/healthz.sh")),
    ("report", include_str!("services/report.sh")),
    ("kubelet", include_str!("services/kubelet.sh")),
    ("apiserver", include_str!("services/apiserver.sh")),
    ("k3s", include_str!("services/k3s.sh")),
    ("metrics", include_str!("services/metrics.sh")),
    ("snapshot", include_str!("services/snapshot.sh")),
];

impl Role {
    /// Its units and their binaries.
    pub(crate) fn units(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ControlPlane => &[("kube-apiserver", "kube-apiserver"), ("kubelet", "kubelet")],
            Self::Worker => &[("kubelet", "kubelet")],
            Self::Server => &[("k3s", "k3s")],
            Self::Agent => &[("k3s-agent", "k3s")],
        }
    }

    /// Whether it serves the API.
    pub(crate) fn serves(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Server)
    }

    /// Whether it belongs to the k3s cluster.
    pub(crate) fn is_k3s(self) -> bool {
        matches!(self, Self::Server | Self::Agent)
    }

    /// The version as a binary of this role prints it.
    pub(crate) fn version(self, plain: &str) -> String {
        format!("{plain}{}", if self.is_k3s() { "+k3s1" } else { "" })
    }

    fn unit(self, name: &str) -> String {
        match (self, name) {
            (_, "kubelet") => KUBELET.to_owned(),
            (_, "kube-apiserver") => API_SERVER.to_owned(),
            (Self::Server, _) => K3S.replace("ROLE", "server"),
            (_, _) => K3S.replace("ROLE", "agent"),
        }
    }
}

/// Puts a host's files in place. `upgraded` hosts have the target's version already.
pub(crate) fn install(plan: &Plan, role: Role, upgraded: bool, key: &str, reports: SocketAddr) {
    let version = if upgraded { TARGET } else { BEFORE };
    install_login(plan, key);
    plan.file(
        "/etc/hosts",
        0o644,
        format!("127.0.0.1 localhost\n127.0.1.1 {}\n", plan.name),
    );
    plan.file("/etc/hostname", 0o644, format!("{}\n", plan.name));
    let about = format!("NODE={}\nREPORTS={reports}\n", plan.name);
    plan.file("/etc/fleet/host", 0o644, about);
    for (name, text) in SCRIPTS {
        plan.file(&format!("/usr/local/lib/fleet/{name}"), 0o755, text);
    }
    enable(
        plan,
        "fleet-link",
        &LINK.replace("ADDRESS", &plan.address.to_string()),
    );
    for (unit, program) in role.units() {
        enable(plan, unit, &role.unit(unit));
        let path = format!("/usr/local/bin/{program}");
        plan.file(&path, 0o755, binary(program, version, Behaviour::Ready, 0));
    }
    if role == Role::Server {
        // By this folder one knows that the datastore is embedded etcd.
        plan.file(
            "/var/lib/rancher/k3s/server/db/etcd/name",
            0o600,
            &plan.name,
        );
    }
}

/// Gives a host the API that it serves.
pub(crate) fn install_api(plan: &Plan, role: Role, api: SocketAddr, kubeconfig: &str) {
    let about = std::fs::read_to_string(plan.path("/etc/fleet/host")).unwrap();
    plan.file("/etc/fleet/host", 0o644, format!("{about}API={api}\n"));
    let path = match role {
        Role::Server => "/etc/rancher/k3s/k3s.yaml",
        _ => "/etc/kubernetes/admin.conf",
    };
    plan.file(path, 0o600, kubeconfig);
}

fn enable(plan: &Plan, unit: &str, text: &str) {
    let path = format!("/etc/systemd/system/{unit}.service");
    plan.file(&path, 0o644, text);
    plan.link(
        &format!("/etc/systemd/system/multi-user.target.wants/{unit}.service"),
        &path,
    );
}

/// A key for root and for the ordinary user.
fn install_login(plan: &Plan, key: &str) {
    for (home, owner) in [("/root", 0), ("/home/ops", 1000)] {
        let keys = format!("{home}/.ssh/authorized_keys");
        plan.file(&keys, 0o600, key);
        for path in [home.to_owned(), format!("{home}/.ssh"), keys] {
            let path = plan.path(&path);
            std::os::unix::fs::chown(&path, Some(owner), Some(owner)).unwrap();
        }
    }
    for folder in ["/root", "/root/.ssh", "/home/ops/.ssh"] {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(plan.path(folder), private).unwrap();
    }
}
