//! `windlass bundle`.

use super::args::{BundleAction, BundleArgs, BundleCreate};
use super::{CliError, output};
use crate::artifact::bundle::{self, BundleError, Item, Part};
use crate::engine::exit_code;
use std::path::Path;

/// Makes or checks a bundle.
pub(super) fn main(args: &BundleArgs) -> Result<u8, CliError> {
    match &args.action {
        BundleAction::Create(args) => create(args),
        BundleAction::Verify { file } => verify(file),
    }
}

fn create(args: &BundleCreate) -> Result<u8, CliError> {
    if args.file.extension().is_none_or(|kind| kind != "tar") {
        return Err(CliError::usage(
            format!("{} does not end in .tar", args.file.display()),
            "playbooks know a bundle by that ending",
        ));
    }
    let parts = parts(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut broken = Ok(());
    let made = runtime.block_on(bundle::create(&args.file, &parts, |item| {
        let told = output::line(line(item));
        if broken.is_ok() {
            broken = told;
        }
    }));
    let manifest = made.map_err(|error| refused(&error))?;
    broken?;
    summary(&args.file, &manifest.items)?;
    Ok(exit_code::DONE)
}

fn verify(file: &Path) -> Result<u8, CliError> {
    let manifest = bundle::verify(file).map_err(|error| refused(&error))?;
    for item in &manifest.items {
        output::line(line(item))?;
    }
    summary(file, &manifest.items)?;
    Ok(exit_code::DONE)
}

/// The files that are asked for.
fn parts(args: &BundleCreate) -> Result<Vec<Part>, CliError> {
    let names: Vec<String> = if args.only.is_empty() {
        bundle::KUBERNETES_NAMES.map(str::to_owned).to_vec()
    } else {
        args.only.clone()
    };
    let mut parts = Vec::new();
    for arch in &args.arch {
        for version in &args.kubernetes {
            let version = tag(version);
            parts.extend(bundle::kubernetes(&args.mirror, &version, arch, &names));
        }
        for version in &args.k3s {
            parts.extend(bundle::k3s(&args.k3s_mirror, &tag(version), arch));
        }
    }
    for given in &args.folder {
        let [arch] = args.arch.as_slice() else {
            return Err(CliError::usage(
                "a folder holds the files of one architecture",
                "give one --arch; `any` is for files that fit every host",
            ));
        };
        let (version, path) = match given.split_once('=') {
            Some((version, path)) => (Some(version.to_owned()), path),
            None => (None, given.as_str()),
        };
        let path = Path::new(path);
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let Some(version) = version.or(name) else {
            return Err(refused(&BundleError::NoVersion(path.display().to_string())));
        };
        parts.extend(bundle::folder(path, &version, arch).map_err(|error| refused(&error))?);
    }
    Ok(parts)
}

/// A version as projects tag it: with a `v`.
fn tag(version: &str) -> String {
    format!("v{}", version.trim_start_matches('v'))
}

fn refused(error: &BundleError) -> CliError {
    let hint = match error {
        BundleError::Empty => "name releases with --kubernetes or --k3s, or a folder with --folder",
        BundleError::NoVersion(_) => "write --folder VERSION=FOLDER",
        BundleError::Unsound { .. } => "make it anew, or copy it again from where it was made",
        _ => return CliError::Other(anyhow::anyhow!("{error}")),
    };
    CliError::usage(error.to_string(), hint)
}

fn line(item: &Item) -> String {
    format!(
        "{:<32} {:<16} {:<8} {:>9}",
        item.name,
        item.version,
        item.arch,
        megabytes(item.size)
    )
}

fn summary(file: &Path, items: &[Item]) -> Result<(), CliError> {
    let files = match items.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    let size = items.iter().map(|item| item.size).sum();
    output::line(format!(
        "{}: {files}, {}, all as their checksums say",
        file.display(),
        megabytes(size)
    ))?;
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
