//! Runs a playbook: batches, one worker per host, go or stop, handlers, and the way back.
//!
//! It speaks in events only and must not know terminals.

mod action;
mod aside;
mod batch;
mod children;
mod choice;
mod closing;
mod conclude;
mod connect;
mod deadman;
mod events;
pub mod exit_code;
mod handlers;
mod host;
mod include;
mod keywords;
mod lineage;
mod locks;
mod meta;
mod nowhere;
mod outline;
mod pace;
mod passed;
mod pending;
mod play;
mod play_key;
mod play_loop;
mod policy;
mod probe;
mod reconcile;
mod repeat;
mod result;
mod resumed;
mod role_start;
mod rollback;
mod run;
mod sample;
mod secrets;
mod shared;
mod summary;
mod survey;
mod take_back;
mod task;
mod variables;
mod waiting;

pub use children::Children;
pub use events::Events;
pub use locks::{HostLockSeen, LeaseAt, LeaseSeen, Locks, Stand};
pub use outline::{Outline, PlayOutline, TaskOutline};
pub use resumed::Before;
pub use run::Run;
pub use shared::{Parts, Settings};
pub use summary::Summary;
pub use survey::{Survey, SurveyError, SurveyedPlay};
