//! The cluster from outside: a real TLS client against real endpoints.

mod client;
mod evictions;
mod faults;
mod objects;
