//! Hosts, the clusters that they form, and the inventory that names them.

use super::artifacts::{self, Behaviour};
use super::base;
use super::cluster::Api;
use super::host::{Host, Plan};
use super::inventory;
use super::place::Place;
use super::reports::Reports;
use super::services::{self, Role};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use windlass::lab::cluster::{Flavor, NodeConfig};

/// A host that a fleet is to have.
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// Whether it has the target's version already.
    pub(crate) upgraded: bool,
}

/// Hosts that run, and their clusters.
pub(crate) struct Fleet {
    /// Inventory, keys, artifacts.
    pub(crate) folder: PathBuf,
    hosts: Vec<(Role, Host)>,
    apis: Vec<(Flavor, Api)>,
}

/// A host of the shared fleet that nothing was done to.
const fn before(name: &'static str, role: Role) -> Wanted {
    Wanted {
        name,
        role,
        upgraded: false,
    }
}

/// One that is at the target, so that only others have to be upgraded.
const fn after(name: &'static str, role: Role) -> Wanted {
    Wanted {
        name,
        role,
        upgraded: true,
    }
}

/// A small fleet of both kinds, for the whole upgrade.
const SMALL: [Wanted; 5] = [
    before("control1", Role::ControlPlane),
    before("worker1", Role::Worker),
    before("worker2", Role::Worker),
    before("server1", Role::Server),
    before("agent1", Role::Agent),
];

/// One host for each thing that goes wrong, under control planes that were upgraded already.
const SHARED: [Wanted; 15] = [
    after("control1", Role::ControlPlane),
    before("crashes", Role::Worker),
    before("unready", Role::Worker),
    before("elsewhere", Role::Worker),
    before("nobackup", Role::Worker),
    before("nobackup2", Role::Worker),
    before("fullstage", Role::Worker),
    before("fullundo", Role::Worker),
    before("killed", Role::Worker),
    before("deadman", Role::Worker),
    before("cut", Role::Worker),
    before("reboots", Role::Worker),
    after("server1", Role::Server),
    before("server2", Role::Server),
    before("agent1", Role::Agent),
];

/// One cluster of each kind, for runs that nobody starts by hand.
const NIGHTLY: [Wanted; 4] = [
    after("control1", Role::ControlPlane),
    before("worker1", Role::Worker),
    after("server1", Role::Server),
    before("agent1", Role::Agent),
];

impl Fleet {
    /// The fleet of timers and cron; `Err` says why the tests do not run.
    pub(crate) fn nightly() -> Result<&'static Self, String> {
        static FLEET: OnceLock<Fleet> = OnceLock::new();
        let place = Place::of_this_process()?;
        Ok(FLEET.get_or_init(|| Self::start(place, "nightly", &NIGHTLY)))
    }

    /// The fleet of the whole upgrade; `Err` says why the tests do not run.
    pub(crate) fn small() -> Result<&'static Self, String> {
        static FLEET: OnceLock<Fleet> = OnceLock::new();
        let place = Place::of_this_process()?;
        Ok(FLEET.get_or_init(|| Self::start(place, "small", &SMALL)))
    }

    /// The fleet on which hosts fail one by one; `Err` says why the tests do not run.
    pub(crate) fn shared() -> Result<&'static Self, String> {
        static FLEET: OnceLock<Fleet> = OnceLock::new();
        let place = Place::of_this_process()?;
        Ok(FLEET.get_or_init(|| {
            let fleet = Self::start(place, "shared", &SHARED);
            // Each test has a host and a run of its own.
            for (_, api) in &fleet.apis {
                api.forbid_lease();
            }
            fleet
        }))
    }

    fn start(place: &Place, name: &str, wanted: &[Wanted]) -> Self {
        let base = base::image();
        let folder = place.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let key = make_key(&folder);
        for behaviour in [
            Behaviour::Ready,
            Behaviour::Crash,
            Behaviour::NotReady,
            Behaviour::Hang,
        ] {
            let at = artifact_folder(&folder, behaviour);
            artifacts::folder(&at, &["kubelet", "kube-apiserver", "k3s"], behaviour, 0);
        }
        let gateway = place.network.gateway().into();
        let reports = Arc::new(Reports::default());
        let listens = reports.listen(gateway);
        let plans: Vec<Plan> = wanted
            .iter()
            .map(|host| Plan::new(place, host.name))
            .collect();
        for (plan, host) in plans.iter().zip(wanted) {
            services::install(plan, host.role, host.upgraded, &key, listens);
        }
        let apis: Vec<(Flavor, Api)> = [Flavor::Kubernetes, Flavor::K3s]
            .into_iter()
            .map(|flavor| {
                let nodes = nodes(&plans, wanted, flavor);
                (
                    flavor,
                    Api::start(flavor, nodes, &folder, gateway, &reports),
                )
            })
            .collect();
        for (plan, host) in plans
            .iter()
            .zip(wanted)
            .filter(|(_, host)| host.role.serves())
        {
            let api = of_role(&apis, host.role);
            let endpoint = api.endpoint(&plan.name).unwrap();
            services::install_api(plan, host.role, endpoint, &api.kubeconfig(&plan.name));
        }
        let mut hosts: Vec<(Role, Host)> = plans
            .into_iter()
            .zip(wanted)
            .map(|(plan, host)| (host.role, plan.boot(place, &base)))
            .collect();
        for (_, host) in &mut hosts {
            host.wait();
        }
        know(&folder, &base, &hosts);
        let named: Vec<(Role, &Host)> = hosts.iter().map(|(role, host)| (*role, host)).collect();
        fs::write(folder.join("hosts.yml"), inventory::render(&named, &folder)).unwrap();
        let fleet = Self {
            folder,
            hosts,
            apis,
        };
        for (_, host) in &fleet.hosts {
            super::host::until(&format!("{} is ready", host.name), || {
                fleet.node(&host.name)["ready"] == "True"
            });
        }
        fleet
    }

    /// A host by its name.
    pub(crate) fn host(&self, name: &str) -> &Host {
        &self.find(name).1
    }

    fn find(&self, name: &str) -> &(Role, Host) {
        self.hosts
            .iter()
            .find(|(_, host)| host.name == name)
            .unwrap_or_else(|| panic!("no host {name}"))
    }

    /// The inventory of one kind of cluster alone, with its files in another folder.
    pub(crate) fn inventory_of(&self, k3s: bool, folder: &Path) -> String {
        let hosts: Vec<(Role, &Host)> = self
            .hosts
            .iter()
            .filter(|(role, _)| role.is_k3s() == k3s)
            .map(|(role, host)| (*role, host))
            .collect();
        inventory::render(&hosts, folder)
    }

    /// How a host's node stands in the API.
    pub(crate) fn node(&self, name: &str) -> Value {
        of_role(&self.apis, self.find(name).0).node(name)
    }

    /// The folder of artifacts that behave so.
    pub(crate) fn artifacts(&self, behaviour: Behaviour) -> PathBuf {
        artifact_folder(&self.folder, behaviour)
    }

    /// Asserts that a host is in service at this version: on disk, in its processes, in the API.
    pub(crate) fn assert_serving(&self, name: &str, version: &str) {
        let (role, host) = self.find(name);
        let version = role.version(version);
        for (unit, binary) in role.units() {
            host.assert_serves(unit, binary, &version);
        }
        // A heartbeat that comes late on a busy machine is no failure of the run before.
        crate::host::until("the node is ready", || self.node(name)["ready"] == "True");
        let node = self.node(name);
        assert_eq!(node["version"], version, "{node}");
        assert_eq!(node["unschedulable"], false, "{node}");
    }
}

fn artifact_folder(folder: &Path, behaviour: Behaviour) -> PathBuf {
    let name = format!("{behaviour:?}").to_lowercase();
    folder.join("artifacts").join(name)
}

fn of_role(apis: &[(Flavor, Api)], role: Role) -> &Api {
    let wanted = if role.is_k3s() {
        Flavor::K3s
    } else {
        Flavor::Kubernetes
    };
    &apis.iter().find(|(flavor, _)| *flavor == wanted).unwrap().1
}

fn nodes(plans: &[Plan], wanted: &[Wanted], flavor: Flavor) -> Vec<NodeConfig> {
    plans
        .iter()
        .zip(wanted)
        .filter(|(_, host)| host.role.is_k3s() == (flavor == Flavor::K3s))
        .map(|(plan, host)| NodeConfig {
            name: plan.name.clone(),
            control_plane: host.role.serves(),
            internal_ip: plan.address.to_string(),
        })
        .collect()
}

/// Makes the key that windlass logs in with; the public half.
fn make_key(folder: &Path) -> String {
    let path = folder.join("id");
    let status = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    fs::read_to_string(path.with_extension("pub")).unwrap()
}

/// Writes the hosts' keys down, so that they are known from the first connection on.
fn know(folder: &Path, base: &Path, hosts: &[(Role, Host)]) {
    let key = fs::read_to_string(base.join("etc/ssh/ssh_host_ed25519_key.pub")).unwrap();
    let known: String = hosts
        .iter()
        .map(|(_, host)| format!("{} {key}", host.address))
        .collect();
    fs::write(folder.join("known_hosts"), known).unwrap();
}
