//! windlass
pub mod connection;
pub mod event;
pub mod inventory;
pub mod kubernetes;
pub mod lab;
pub mod module;
pub mod playbook;
pub mod shell;
pub mod source;
pub mod template;
pub mod undo;
pub mod yaml;
