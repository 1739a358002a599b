//! The cluster's own lock: a Lease that keeps a second run away from the whole cluster, whatever its inventory is.
//!
//! It is taken, taken over and renewed by its resourceVersion, so that of two runs that come at once one gets it. A holder
//! that does not renew it in time loses it to the next one that asks; the locks on the hosts do not end that way, so that
//! a run whose API server was away for a while loses no more than this.

use super::cluster::Call;
use super::{Cluster, ClusterError, Dial};
use crate::holder::Holder;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The Lease's name.
const NAME: &str = "windlass";
/// Where it lies.
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
/// Holds the holder as JSON.
const HOLDER: &str = "windlass.dev/holder";

/// How long a Lease holds without being renewed.
pub const LEASE_DURATION: Duration = Duration::from_mins(1);
/// How often it is renewed: two renewals may fail.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(20);

/// How often a write is decided anew because the Lease changed in between.
const ATTEMPTS: usize = 5;

/// The Lease that another run has, or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLease {
    /// Its `holderIdentity`: `USER@MACHINE/RUN`.
    pub identity: String,
    /// Who that is, where windlass wrote it.
    pub holder: Option<Holder>,
    /// How long its last renewal is ago, by this machine's clock.
    pub quiet: Duration,
    /// It was not renewed in time, so that whoever asks may have it.
    pub expired: bool,
}

impl HeldLease {
    /// The run that has it.
    pub fn run(&self) -> &str {
        match &self.holder {
            Some(holder) => &holder.run,
            None => self.identity.rsplit('/').next().unwrap_or_default(),
        }
    }

    /// `None` when nobody has it.
    fn of(lease: &Value) -> Option<Self> {
        let spec = &lease["spec"];
        let identity = spec["holderIdentity"].as_str().unwrap_or_default();
        if identity.is_empty() {
            return None;
        }
        let renewed: Option<Timestamp> = spec["renewTime"].as_str().and_then(|at| at.parse().ok());
        let duration = spec["leaseDurationSeconds"].as_u64();
        let duration = duration.map_or(LEASE_DURATION, Duration::from_secs);
        // A time in the future is another clock's; the Lease counts as just renewed.
        let quiet = renewed.map_or(Duration::MAX, |at| {
            Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default()
        });
        let holder = lease["metadata"]["annotations"][HOLDER].as_str();
        Some(Self {
            identity: identity.to_owned(),
            holder: holder
                .and_then(|text| serde_json::from_str(text).ok())
                .filter(|holder| self::identity(holder) == identity),
            quiet,
            expired: quiet > duration,
        })
    }
}

/// `USER@MACHINE/RUN`.
fn identity(holder: &Holder) -> String {
    format!("{}@{}/{}", holder.user, holder.machine, holder.run)
}

/// A Lease that was asked for.
pub enum LeaseAnswer {
    /// The run has it.
    Ours(ClusterLease),
    /// Another run has it.
    Held(HeldLease),
}

/// A Lease that this run has.
pub struct ClusterLease {
    cluster: Arc<Cluster>,
    holder: Holder,
    /// The Lease as it was when it was read or written last.
    last: Mutex<Value>,
}

/// How a Lease stands after it was to be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The run has it still.
    Ours,
    /// Another run has it now, or it was taken away and nobody has it.
    Lost(Option<HeldLease>),
}

/// Opens the cluster behind `hosts` for its Lease. It is not waited for: where no API server is there, there is no Lease.
pub async fn cluster_for_lease(
    dial: Arc<dyn Dial>,
    hosts: &[String],
    kubeconfig: &str,
) -> Result<Arc<Cluster>, ClusterError> {
    let cluster = Cluster::open_within(dial, hosts.to_vec(), kubeconfig, Duration::ZERO).await?;
    Ok(Arc::new(cluster))
}

/// Who has the cluster's Lease.
pub async fn look_at_lease(cluster: &Cluster) -> Result<Option<HeldLease>, ClusterError> {
    Ok(read(cluster).await?.as_ref().and_then(HeldLease::of))
}

/// Takes the cluster's Lease: one that nobody has, one that is expired, or one whose holder `is_dead` knows to be gone.
pub async fn take_lease(
    cluster: &Arc<Cluster>,
    holder: &Holder,
    is_dead: impl Fn(&HeldLease) -> bool,
) -> Result<LeaseAnswer, ClusterError> {
    for _ in 0..ATTEMPTS {
        let found = read(cluster).await?;
        let now = now();
        let mut lease = json!({
            "metadata": {"annotations": {HOLDER: serde_json::to_string(holder).unwrap_or_default()}},
            "spec": {
                "holderIdentity": identity(holder),
                "leaseDurationSeconds": LEASE_DURATION.as_secs(),
                "acquireTime": now,
                "renewTime": now,
            },
        });
        let call = match &found {
            None => {
                lease["apiVersion"] = json!("coordination.k8s.io/v1");
                lease["kind"] = json!("Lease");
                lease["metadata"]["name"] = json!(NAME);
                lease["metadata"]["namespace"] = json!("kube-system");
                lease["spec"]["leaseTransitions"] = json!(0);
                Call::post(LEASES, &lease)
            }
            Some(found) => {
                // A write whose answer was lost may have been ours.
                let other = HeldLease::of(found).filter(|held| held.identity != identity(holder));
                if let Some(held) = other
                    && !held.expired
                    && !is_dead(&held)
                {
                    return Ok(LeaseAnswer::Held(held));
                }
                let turns = found["spec"]["leaseTransitions"].as_u64();
                lease["spec"]["leaseTransitions"] = json!(turns.unwrap_or_default() + 1);
                lease["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
                Call::merge(path(), &lease)
            }
        };
        match cluster.json::<Value>(&call).await {
            Ok(made) => {
                return Ok(LeaseAnswer::Ours(ClusterLease {
                    cluster: cluster.clone(),
                    holder: holder.clone(),
                    last: Mutex::new(made),
                }));
            }
            Err(error) if error.code() == Some(409) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ClusterError::Invalid(format!(
        "the Lease {NAME} changed {ATTEMPTS} times while it was to be taken"
    )))
}

/// Takes the Lease away from `run`, dead or alive; tells whether it had it.
pub async fn break_lease(cluster: &Cluster, run: &str) -> Result<bool, ClusterError> {
    match read(cluster).await? {
        Some(lease) if HeldLease::of(&lease).is_some_and(|held| held.run() == run) => {
            remove(cluster, &lease).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

impl ClusterLease {
    /// Renews it. An error tells nothing: the next try may do better.
    pub async fn renew(&self) -> Result<Renewal, ClusterError> {
        for _ in 0..ATTEMPTS {
            let version = self.last()["metadata"]["resourceVersion"].clone();
            let patch = json!({
                "metadata": {"resourceVersion": version}, "spec": {"renewTime": now()},
            });
            match self
                .cluster
                .json::<Value>(&Call::merge(path(), &patch))
                .await
            {
                Ok(lease) => {
                    self.keep(lease);
                    return Ok(Renewal::Ours);
                }
                Err(error) if error.is_missing(NAME) => return Ok(Renewal::Lost(None)),
                Err(error) if error.code() == Some(409) => {}
                Err(error) => return Err(error),
            }
            let Some(lease) = read(&self.cluster).await? else {
                return Ok(Renewal::Lost(None));
            };
            let held = HeldLease::of(&lease);
            if held.as_ref().map(|held| held.identity.as_str()) != Some(&identity(&self.holder)) {
                return Ok(Renewal::Lost(held));
            }
            self.keep(lease);
        }
        Err(ClusterError::Invalid(format!(
            "the Lease {NAME} changed {ATTEMPTS} times while it was to be renewed"
        )))
    }

    /// Gives it back, if this run has it still.
    pub async fn give_back(&self) -> Result<(), ClusterError> {
        let last = self.last();
        match remove(&self.cluster, &last).await {
            Err(error) if error.code() == Some(409) => {
                break_lease(&self.cluster, &self.holder.run).await.map(drop)
            }
            other => other,
        }
    }

    fn last(&self) -> Value {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, lease: Value) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }
}

/// Removes the Lease as it was read, and no later one. Who may not delete empties it.
async fn remove(cluster: &Cluster, lease: &Value) -> Result<(), ClusterError> {
    let version = &lease["metadata"]["resourceVersion"];
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions",
        "preconditions": {"resourceVersion": version, "uid": lease["metadata"]["uid"]},
    });
    match cluster.json::<Value>(&Call::delete(path(), &options)).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_missing(NAME) => Ok(()),
        Err(error) if error.code() == Some(403) => {
            let nobody = json!({
                "metadata": {"resourceVersion": version, "annotations": {HOLDER: null}},
                "spec": {"holderIdentity": null},
            });
            cluster.json::<Value>(&Call::merge(path(), &nobody)).await?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The Lease, where there is one.
async fn read(cluster: &Cluster) -> Result<Option<Value>, ClusterError> {
    match cluster.json::<Value>(&Call::get(path())).await {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if error.is_missing(NAME) => Ok(None),
        Err(error) => Err(error),
    }
}

fn path() -> String {
    format!("{LEASES}/{NAME}")
}

/// As Kubernetes writes a `MicroTime`.
fn now() -> String {
    Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(identity: &Value, renewed: &Value) -> Value {
        json!({"metadata": {"name": NAME}, "spec": {
            "holderIdentity": identity, "leaseDurationSeconds": 60, "renewTime": renewed,
        }})
    }

    fn ago(seconds: u64) -> Value {
        let at = Timestamp::now() - Duration::from_secs(seconds);
        json!(at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
    }

    #[test]
    fn a_lease_is_held_until_it_was_not_renewed_for_its_time() {
        let ann = json!("ann@laptop/r1");
        let cases = [
            (Value::Null, ago(0), None),
            (json!(""), ago(0), None),
            (ann.clone(), ago(5), Some(false)),
            (ann.clone(), ago(61), Some(true)),
            // Another clock is ahead.
            (
                ann.clone(),
                json!("2999-01-01T00:00:00.000000Z"),
                Some(false),
            ),
            (ann, Value::Null, Some(true)),
        ];
        for (identity, renewed, expired) in cases {
            let held = HeldLease::of(&lease(&identity, &renewed));
            let found = held.as_ref().map(|held| held.expired);
            assert_eq!(found, expired, "{identity} {renewed}");
            assert!(held.is_none_or(|held| held.run() == "r1"));
        }
    }

    #[test]
    fn what_is_said_of_the_holder_counts_only_while_it_is_the_holder() {
        let holder = Holder::new("r1", "ann", "laptop");
        let mut lease = lease(&json!("ann@laptop/r1"), &ago(0));
        lease["metadata"]["annotations"] = json!({HOLDER: serde_json::to_string(&holder).unwrap()});
        assert_eq!(HeldLease::of(&lease).unwrap().holder, Some(holder));
        lease["spec"]["holderIdentity"] = json!("bob@desk/r2");
        let held = HeldLease::of(&lease).unwrap();
        assert_eq!((held.run(), held.holder.as_ref()), ("r2", None));
    }
}
