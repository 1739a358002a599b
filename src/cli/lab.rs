//! `windlass lab`: status, reset, faults. It works on the lab's folder, so a run may be under way beside it.

use super::args::{LabAction, LabArgs};
use super::{CliError, input, labs, output, state};
use crate::engine::exit_code;
use crate::lab::{self, Fault};
use crate::source::did_you_mean;
use crate::template::Templar;

/// Carries out one action.
pub(super) fn main(args: &LabArgs) -> Result<u8, CliError> {
    let inventory = input::inventory(&args.sources, None)?;
    let hosts = labs::hosts(&inventory, &Templar::new());
    if hosts.is_empty() {
        return Err(CliError::usage(
            "no host of the inventory has `ansible_connection: lab`",
            "name the inventory that ships with windlass: -i inventory",
        ));
    }
    let state = state::folder(args.sources.state_dir.as_deref())?;
    let folder = labs::folder(&state, &args.sources.inventory);
    match &args.action {
        LabAction::Status => status(&folder)?,
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

fn status(folder: &std::path::Path) -> Result<(), CliError> {
    if !folder.exists() {
        output::line("the lab has not run yet")?;
        return Ok(());
    }
    let hosts = lab::status(folder).map_err(anyhow::Error::from)?;
    for host in hosts {
        let binaries: Vec<String> = host
            .binaries
            .iter()
            .map(|binary| {
                let version = binary.version.as_deref().unwrap_or("?");
                format!("{} {version}", binary.name)
            })
            .collect();
        let units: Vec<String> = host
            .units
            .iter()
            .map(|unit| format!("{} {} ({})", unit.name, unit.active, unit.version))
            .collect();
        let faults: Vec<&str> = host.faults.iter().map(|fault| fault.name()).collect();
        let mut parts = vec![format!("{:<12} {}", host.name, binaries.join(", "))];
        if !units.is_empty() {
            parts.push(format!("running: {}", units.join(", ")));
        }
        if !faults.is_empty() {
            parts.push(format!("faults: {}", faults.join(", ")));
        }
        output::line(parts.join("; "))?;
    }
    Ok(())
}
