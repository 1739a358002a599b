//! The lab: a throwaway fleet inside this program, so that a playbook can do its real job without a server.
//!
//! It is a stand-in, and says so. It must not know the engine.

pub mod cluster;
