//! The cluster from outside: a real TLS client against real endpoints.

mod altered;
mod client;
mod evictions;
mod faults;
mod objects;
mod recorded;
mod workloads;
