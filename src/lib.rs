//! windlass
pub mod cli;
pub mod connection;
pub mod engine;
pub mod event;
pub mod inventory;
pub mod journal;
pub mod kubernetes;
pub mod lab;
pub mod module;
pub mod plan;
pub mod playbook;
pub mod report;
pub mod shell;
pub mod source;
pub mod template;
pub mod undo;
pub mod yaml;
