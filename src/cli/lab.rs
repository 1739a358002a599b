//! `windlass lab`: status, reset, faults. It works on the lab's folder, so a run may be under way beside it.

use super::args::{LabAction, LabArgs};
use super::{CliError, input, labs, output, state, vault};
use crate::engine::exit_code;
use crate::lab::{self, Fault, Fleet, HostStatus, LabConfig, LabError, LabHostConfig};
use crate::source::did_you_mean;
use crate::template::Templar;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Carries out one action.
pub(super) fn main(args: &LabArgs) -> Result<u8, CliError> {
    let inventory = input::inventory(&args.sources, None)?;
    let hosts = labs::hosts(&inventory, &Templar::with_vault(vault::opened()));
    if hosts.is_empty() {
        return Err(CliError::usage(
            "no host of the inventory has `ansible_connection: lab`",
            "name the inventory that ships with windlass: -i inventory",
        ));
    }
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let folder = labs::folder(&state, &args.sources.inventory);
    match &args.action {
        LabAction::Status { json } => status(&folder, hosts, *json)?,
        LabAction::Reset => {
            lab::reset(&folder).map_err(anyhow::Error::from)?;
            output::line("the lab starts anew with the next run")?;
        }
        LabAction::Fault { host, fault, clear } => {
            if !hosts.iter().any(|each| &each.name == host) {
                let names = hosts.iter().map(|each| each.name.as_str());
                return Err(CliError::Usage {
                    message: format!("no lab host `{host}` in the inventory"),
                    hint: did_you_mean(host, names).map(|near| format!("did you mean `{near}`?")),
                });
            }
            let kind = Fault::from_name(fault).map_err(anyhow::Error::from)?;
            // A fault may be set before the first run: the hosts are made then.
            lab::prepare(&folder, hosts).map_err(anyhow::Error::from)?;
            if *clear {
                lab::clear_fault(&folder, host, kind).map_err(anyhow::Error::from)?;
                output::line(format!("{host}: {fault} cleared"))?;
            } else {
                lab::set_fault(&folder, host, kind).map_err(anyhow::Error::from)?;
                output::line(format!("{host}: {fault} set"))?;
            }
        }
    }
    Ok(exit_code::DONE)
}

/// What the lab's hosts and clusters look like; while a run is under way, only what lies on the hosts' disks.
fn status(folder: &Path, hosts: Vec<LabHostConfig>, json: bool) -> Result<(), CliError> {
    if !folder.exists() {
        output::line("the lab has not run yet")?;
        return Ok(());
    }
    let clusters = clusters(folder, hosts)?;
    let hosts = lab::status(folder).map_err(anyhow::Error::from)?;
    if json {
        let hosts: Vec<Value> = hosts.iter().map(as_json).collect();
        let text = serde_json::to_string_pretty(&json!({"hosts": hosts, "clusters": clusters}))
            .map_err(anyhow::Error::from)?;
        output::line(text)?;
        return Ok(());
    }
    let nodes: Vec<&Value> = clusters
        .iter()
        .flatten()
        .filter_map(|cluster| cluster["nodes"].as_array())
        .flatten()
        .collect();
    for host in hosts {
        let node = nodes.iter().find(|node| node["name"] == host.name.as_str());
        output::line(line(&host, node.copied()))?;
    }
    if clusters.is_none() {
        output::line("a run is under way, so the clusters are not shown")?;
    }
    Ok(())
}

/// The clusters as they stand, or `None` while a run has them.
fn clusters(folder: &Path, hosts: Vec<LabHostConfig>) -> Result<Option<Vec<Value>>, CliError> {
    let config = LabConfig {
        folder: folder.to_owned(),
        hosts,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    match runtime.block_on(Fleet::start(config)) {
        Ok(fleet) => Ok(Some(runtime.block_on(async { fleet.snapshot() }))),
        Err(LabError::Busy(_)) => Ok(None),
        Err(error) => Err(CliError::Other(error.into())),
    }
}

fn as_json(host: &HostStatus) -> Value {
    let versions: Map<String, Value> = host
        .binaries
        .iter()
        .map(|binary| (binary.name.to_owned(), json!(binary.version)))
        .collect();
    let units: Map<String, Value> = host
        .units
        .iter()
        .map(|unit| {
            let state = json!({"active": unit.active, "version": unit.version});
            (unit.name.to_owned(), state)
        })
        .collect();
    let faults: Vec<&str> = host.faults.iter().map(|fault| fault.name()).collect();
    json!({"name": host.name, "on_disk": versions, "units": units, "faults": faults})
}

fn line(host: &HostStatus, node: Option<&Value>) -> String {
    let mut parts: Vec<String> = host
        .binaries
        .iter()
        .map(|binary| {
            format!(
                "{} {}",
                binary.name,
                binary.version.as_deref().unwrap_or("?")
            )
        })
        .collect();
    for unit in &host.units {
        parts.push(format!("{} {} ({})", unit.name, unit.active, unit.version));
    }
    if let Some(node) = node {
        let ready = if node["ready"] == "True" {
            "Ready"
        } else {
            "not Ready"
        };
        let open = if node["unschedulable"] == true {
            "cordoned"
        } else {
            "schedulable"
        };
        parts.push(format!("node {ready}, {open}, {} pods", node["pods"]));
    }
    if !host.faults.is_empty() {
        let faults: Vec<&str> = host.faults.iter().map(|fault| fault.name()).collect();
        parts.push(format!("faults: {}", faults.join(", ")));
    }
    format!("{:<12} {}", host.name, parts.join("; "))
}
