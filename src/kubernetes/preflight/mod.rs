//! Everything that could stop an upgrade, looked for before anything is changed.
//!
//! One file for each group of checks or for kindred ones: readers that are thin, and judgements that are pure functions
//! over what was read. A finding says what is wrong, whether it blocks, and what to do. Nothing here changes anything.

mod api;
mod budgets;
mod certificates;
mod drains;
mod eligible;
mod etcd;
mod finding;
mod host_answer;
mod host_rules;
mod host_script;
mod host_versions;
mod members;
mod objects;
mod plan;
mod quantity;
mod read;
mod report;
mod skew;

pub use api::ServerQuery;
pub use certificates::CertificateLimits;
pub use etcd::{EtcdRequest, EtcdSight, etcd, etcd_script};
pub use finding::{Finding, Group, Severity};
pub use host_answer::{CutOff, HostFacts};
pub use host_rules::{HostLimits, judge_host};
pub use host_script::{Component, HostRequest, host_script};
pub use host_versions::host_versions;
pub use members::{Hosts, KnownHost, NodeState, PlannedHost, node_states};
pub use plan::{ClusterPlan, check_cluster};
pub use read::read_nodes;
pub use report::{Report, report, unknown_names};
pub use skew::{Aim, etcd_floor};
