//! windlass
pub mod connection;
pub mod event;
pub mod inventory;
pub mod journal;
pub mod kubernetes;
pub mod module;
pub mod plan;
pub mod playbook;
pub mod report;
pub mod shell;
pub mod source;
pub mod template;
pub mod undo;
pub mod yaml;
