//! The user's own command on a lab: the upgrade, its second run, its faults, and the way back.
//!
//! What can go wrong is numbered, and each number has its tests, named by file: those here run on the lab, those of
//! `tests/fleet` on real hosts with systemd and OpenSSH. Each test says the exit code, how hosts and nodes stand
//! afterwards, what the journal holds (`Lab::journal_of`), and that nothing else changed (`snapshot`); `running` bounds
//! the time of every run.
//!
//! | # | What happens | On the lab | On real hosts |
//! |---|---|---|---|
//! | 1 | a budget never allows an eviction | `drain` (4 tests), `preflight` (warning) | |
//! | 2 | a budget clears | `drain` | |
//! | 3 | two budgets over a pod | `preflight`, `drain` (run-time) | |
//! | 4 | a pod stays Terminating | `drain` | |
//! | 5 | pods that would be lost | `drain` (preflight, run-time) | |
//! | 6 | the new kubelet exits at once | `kubelet` | `crashes` |
//! | 7 | the node stays not ready | `kubelet` | `crashes` |
//! | 8 | the kubelet says its old version | `kubelet`, `preflight` (the unit's path) | `crashes` |
//! | 9 | the heartbeat is stale | `kubelet` | |
//! | 10 | the way back fails | `stopped` | `way_back` |
//! | 11 | a corrupt artifact | `staging` (preflight, run-time) | |
//! | 12 | a binary of another processor | `staging` | |
//! | 13 | a full disk | `disk` (upload, swap) | `disk` (upload, backup) |
//! | 14 | killed between cordon and swap | `stopped`, `killed` | `killed` |
//! | 15 | killed between swap and gate | `stopped` | `killed` |
//! | 16 | the connection is lost | `interrupted` (upload, restart) | `link` |
//! | 17 | the host reboots | `interrupted` | `link` |
//! | 18 | Ctrl-C, SIGTERM, a closed terminal; once and twice | `stopped`, `signals` | |
//! | 19 | a human's cordon | `cordons` | |
//! | 20 | a killed run's cordon | `cordons` | |
//! | 21 | a node that is not ready before | `drain`, `preflight`, `budget` (takes room) | |
//! | 22 | one of a batch of three fails | `budget` | |
//! | 23 | a whole batch is unreachable | `budget` | |
//! | 24 | the target skips a minor | `versions` (refused), `hops` (one after the other) | |
//! | 25 | the target is lower, or equal | `versions` | |
//! | 26 | a kubelet before its API servers | `versions` | |
//! | 27 | the second API server fails | `control_plane` | |
//! | 28 | etcd is in trouble | `preflight` | |
//! | 29 | the snapshot fails, or is corrupt | `control_plane`, `k3s` | |
//! | 30 | etcd is too old | `preflight` (with 28) | |
//! | 31 | a k3s server hangs at its start | `k3s` | `k3s` |
//! | 32 | a k3s agent before its servers | `versions`, `k3s` | |
//! | 37 | it is started by a timer | `schedule` (what is started) | `schedule` |
//! | 37 | two runs at once, a stale lock | `locks` | |
//! | 38 | the window closes in mid-run | `window` | |
//! | 39 | one worker, a control plane out of reach | `limits`, `preflight` | |
//! | 40 | a unit that was edited by hand | `drift` | |
//! | 41 | a webhook that nobody answers | `preflight` | |
//! | 42 | a hook fails | `hooks` | |
//! | 47 | the journal's disk is full | `journal` | |
//! | 48 | the journal is torn, or damaged | `journal` | |
//! | 49 | the user's probe fails | `stopped` | |
//! | 50 | no secret anywhere, and private copies | `secrets` | |
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod budget;
mod bundle;
mod control_plane;
mod cordons;
mod disk;
mod drain;
mod drift;
mod events;
mod faults;
mod fleet;
mod hooks;
mod hops;
mod interrupted;
mod inventories;
mod inventory;
mod journal;
mod k3s;
mod killed;
mod kubeadm;
mod kubelet;
mod lab;
mod limits;
mod locks;
mod mirror;
mod objects;
mod preflight;
mod prober;
mod reports;
mod running;
mod schedule;
mod secrets;
mod signals;
mod snapshot;
mod staging;
mod stopped;
mod tags;
mod versions;
mod window;
