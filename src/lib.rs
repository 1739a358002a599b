//! windlass
pub mod artifact;
pub mod connection;
pub mod event;
pub mod facts;
pub mod inventory;
pub mod kubernetes;
pub mod module;
pub mod playbook;
pub mod shell;
pub mod source;
pub mod template;
pub mod undo;
pub mod yaml;
