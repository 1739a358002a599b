//! The room against a scripted API server, over real TLS on the loopback.

mod api;
mod draining;
mod hosts;
mod nodes;
mod reaching;
mod world;
