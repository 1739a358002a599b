//! The binaries of a version, as a folder with checksums, good ones and ones with a fault.

use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// What hosts start with.
pub(crate) const BEFORE: &str = "v1.34.3";
/// What they are upgraded to.
pub(crate) const TARGET: &str = "v1.35.1";

/// How the service of a binary behaves once it is started. `--version` always answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// As it should.
    Ready,
    /// Ends at once with an error.
    Crash,
    /// Runs, and its node never becomes ready.
    NotReady,
    /// Neither serves nor ends.
    Hang,
}

impl Behaviour {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Crash => "crash",
            Self::NotReady => "not-ready",
            Self::Hang => "hang",
        }
    }
}

/// The script that stands in for a binary. `weight` is its size at least, in bytes: a real one is large.
pub(crate) fn binary(name: &str, version: &str, behaviour: Behaviour, weight: usize) -> String {
    let (prefix, service, version) = match name {
        "k3s" => ("k3s version", "k3s", format!("{version}+k3s1")),
        "kube-apiserver" => ("Kubernetes", "apiserver", version.to_owned()),
        other => ("Kubernetes", other, version.to_owned()),
    };
    let state = behaviour.word();
    let mut text = format!(
        "#!/bin/sh\n\
         # A stand-in for {name}.\n\
         case ${{1:-}} in\n\
         --version) echo '{prefix} {version}'; exit ;;\n\
         --help) printf 'Usage:\\n  {name} [flags]\\n      --version   Prints the version.\\n'; exit ;;\n\
         etcd-snapshot) exec /usr/local/lib/fleet/snapshot \"$@\" ;;\n\
         kubectl) exec /usr/local/lib/fleet/metrics \"$@\" ;;\n\
         esac\n\
         exec /usr/local/lib/fleet/{service} {version} {state} \"${{1:-}}\"\n"
    );
    while text.len() < weight {
        text.push_str("# weight\n");
    }
    text
}

/// Writes binaries of [`TARGET`] and their checksums into a new folder.
pub(crate) fn folder(at: &Path, binaries: &[&str], behaviour: Behaviour, weight: usize) -> PathBuf {
    fs::create_dir_all(at).unwrap();
    let sums: String = binaries
        .iter()
        .map(|name| {
            let text = binary(name, TARGET, behaviour, weight);
            fs::write(at.join(name), &text).unwrap();
            let sum: String = Sha256::digest(text.as_bytes())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{sum}  {name}\n")
        })
        .collect();
    fs::write(at.join("SHA256SUMS"), sums).unwrap();
    at.to_owned()
}
