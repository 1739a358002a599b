//! From an answer to facts.

use super::answer::Answer;
use super::script::Request;
use super::{distribution, hardware, local, network, platform, virtualization};
use serde_json::{Map, Value};

/// What was found out.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Facts under Ansible's names, each with `ansible_` before it.
    pub facts: Map<String, Value>,
    /// What was left out and why.
    pub warnings: Vec<String>,
}

/// Why there are no facts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FactsError {
    /// The host's answer ends in the middle.
    #[error("the host's facts were cut off")]
    CutOff,
}

/// A place for facts: adds the prefix.
#[derive(Debug, Default)]
pub(super) struct Sink(pub(super) Map<String, Value>);

impl Sink {
    /// Adds one fact.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(format!("ansible_{name}"), value.into());
    }
}

/// The facts in the answer of the script for `request`.
pub fn parse(output: &[u8], request: &Request) -> Result<Facts, FactsError> {
    let answer = Answer::read(output).ok_or(FactsError::CutOff)?;
    let subset = request.subset;
    let mut sink = Sink::default();
    let mut warnings = Vec::new();
    if subset.min {
        platform::add(&answer, &mut sink);
        distribution::add(&answer, &mut sink);
        let (local, notes) = local::read(&answer);
        sink.put("local", local);
        warnings = notes;
    }
    if subset.hardware {
        hardware::add(&answer, &mut sink);
    }
    if subset.network {
        network::add(&answer, &mut sink);
    }
    if subset.virtualization {
        virtualization::add(&answer, &mut sink);
    }
    Ok(Facts {
        facts: sink.0,
        warnings,
    })
}
