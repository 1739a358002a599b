//! Reports of a run in files.

use clap::Args;
use std::path::PathBuf;

/// Reports of a run in files.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// Write the run as one HTML page when it is over: timelines, failures with their output, totals.
    #[arg(id = "report.html", long = "html", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write what came of each task on each host as JUnit XML when the run ends.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Keep the last run in this file in Prometheus' text format (for node_exporter's textfile collector).
    #[arg(id = "report.metrics", long = "metrics", value_name = "FILE")]
    pub metrics: Option<PathBuf>,
}
