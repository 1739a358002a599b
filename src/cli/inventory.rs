//! `windlass inventory`.

use super::args::InventoryArgs;
use super::{CliError, input, output};
use crate::engine::exit_code;
use crate::source::did_you_mean;

/// Shows the inventory.
pub(super) fn main(args: &InventoryArgs) -> Result<u8, CliError> {
    let mut inventory = input::inventory(&args.sources, None)?;
    if let Some(hosts) = input::limit(&args.limit, &inventory, &args.sources)? {
        inventory.keep_only(&hosts);
    }
    if let Some(name) = &args.host {
        let Some(json) = inventory.host_json(name) else {
            let names = inventory.hosts.keys().map(String::as_str);
            return Err(CliError::Usage {
                message: format!("no host `{name}` in the inventory"),
                hint: did_you_mean(name, names).map(|near| format!("did you mean `{near}`?")),
            });
        };
        output::line(format!("{json:#}"))?;
    } else if args.list {
        output::line(format!("{:#}", inventory.to_list_json()))?;
    } else {
        output::line(inventory.graph(args.vars).trim_end())?;
    }
    Ok(exit_code::DONE)
}
