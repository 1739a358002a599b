//! `windlass bundle`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `windlass bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: BundleAction,
}

/// What to do with a bundle.
#[derive(Debug, Subcommand)]
pub enum BundleAction {
    /// Fetch the files, check each against its published checksum, and write the bundle.
    #[command(after_help = "Examples:
  windlass bundle create v1.35.1.tar --kubernetes v1.35.1 --arch amd64,arm64
  windlass bundle create k3s.tar --k3s v1.35.1+k3s1
  windlass bundle create own.tar --folder inventory/artifacts/v1.35.1

A playbook takes from it with `artifact_source: v1.35.1.tar`.")]
    Create(Box<BundleCreate>),
    /// Read the whole bundle and check every file in it.
    Verify {
        /// The bundle.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `windlass bundle create`.
#[derive(Debug, Args)]
pub struct BundleCreate {
    /// The bundle to write; its name must end in .tar.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The binaries of this Kubernetes version; may be repeated.
    #[arg(long, value_name = "VERSION")]
    pub kubernetes: Vec<String>,
    /// The binary and the images of this K3s version; may be repeated.
    #[arg(long, value_name = "VERSION")]
    pub k3s: Vec<String>,
    /// All files that SHA256SUMS in this folder names; its name, or what stands before `=`, is their version.
    #[arg(long, value_name = "[VERSION=]FOLDER")]
    pub folder: Vec<String>,
    /// Architectures.
    #[arg(
        long,
        value_name = "ARCH",
        value_delimiter = ',',
        default_value = "amd64"
    )]
    pub arch: Vec<String>,
    /// Only these binaries of Kubernetes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// URL or folder with the layout of Kubernetes' download site.
    #[arg(long, value_name = "SOURCE", default_value = crate::artifact::bundle::KUBERNETES_MIRROR)]
    pub mirror: String,
    /// URL or folder with the layout of K3s' releases.
    #[arg(long, value_name = "SOURCE", default_value = crate::artifact::bundle::K3S_MIRROR)]
    pub k3s_mirror: String,
}
