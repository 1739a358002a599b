//! Where the files of a release are found on a mirror: the layouts of the projects' own download sites.
//!
//! A mirror is a URL or a folder with the same layout. Sources, checked 2026-11-21: "Download Kubernetes" for
//! `VERSION/bin/linux/ARCH/NAME` with `NAME.sha256` beside it; K3s' release page for `VERSION/k3s[-ARCH]` with
//! `sha256sum-ARCH.txt`.

use super::super::checksums;
use super::error::BundleError;
use crate::artifact::{ArtifactError, Wanted};
use std::path::Path;

/// Kubernetes' own download site.
pub const KUBERNETES_MIRROR: &str = "https://dl.k8s.io/release";
/// K3s' own download site.
pub const K3S_MIRROR: &str = "https://github.com/k3s-io/k3s/releases/download";

/// What a cluster of plain binaries needs.
pub const KUBERNETES_NAMES: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
];

/// One file that a bundle is to have.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name in the bundle.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: String,
    pub(super) wanted: Wanted,
}

impl Part {
    fn new(name: &str, version: &str, arch: &str, source: String, checksums: String) -> Self {
        let file = source.rsplit('/').next().unwrap_or(name).to_owned();
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: arch.to_owned(),
            wanted: Wanted {
                name: file,
                source,
                checksums: Some(checksums),
                ..Wanted::default()
            },
        }
    }
}

/// The binaries of a Kubernetes release.
pub fn kubernetes(mirror: &str, version: &str, arch: &str, names: &[String]) -> Vec<Part> {
    let base = format!(
        "{}/{version}/bin/linux/{arch}",
        mirror.trim_end_matches('/')
    );
    names
        .iter()
        .map(|name| {
            let source = format!("{base}/{name}");
            let sums = format!("{source}.sha256");
            Part::new(name, version, arch, source, sums)
        })
        .collect()
}

/// The binary and the images of a K3s release.
pub fn k3s(mirror: &str, version: &str, arch: &str) -> Vec<Part> {
    let tag = if mirror.contains("://") {
        version.replace('+', "%2B")
    } else {
        version.to_owned()
    };
    let base = format!("{}/{tag}", mirror.trim_end_matches('/'));
    let binary = match arch {
        "amd64" => "k3s".to_owned(),
        "arm" => "k3s-armhf".to_owned(),
        other => format!("k3s-{other}"),
    };
    let images = format!("k3s-airgap-images-{arch}.tar.zst");
    [("k3s", binary.as_str()), (&images, &images)]
        .into_iter()
        .map(|(name, file)| {
            let sums = format!("{base}/sha256sum-{arch}.txt");
            Part::new(name, version, arch, format!("{base}/{file}"), sums)
        })
        .collect()
}

/// All files that a folder's `SHA256SUMS` names.
pub fn folder(path: &Path, version: &str, arch: &str) -> Result<Vec<Part>, BundleError> {
    let sums = path.join("SHA256SUMS");
    let text = std::fs::read_to_string(&sums).map_err(|error| ArtifactError::Read {
        path: sums.display().to_string(),
        reason: error.to_string(),
    })?;
    let sums = sums.display().to_string();
    Ok(checksums::names(&text)
        .into_iter()
        .map(|name| {
            let source = path.join(&name).display().to_string();
            Part::new(&name, version, arch, source, sums.clone())
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_the_projects_publish_them() {
        let parts = kubernetes("https://m/", "v1.35.1", "arm64", &["kubelet".to_owned()]);
        assert_eq!(
            parts[0].wanted.source,
            "https://m/v1.35.1/bin/linux/arm64/kubelet"
        );
        assert_eq!(
            parts[0].wanted.checksums.as_deref(),
            Some("https://m/v1.35.1/bin/linux/arm64/kubelet.sha256")
        );
        let cases = [
            ("https://m", "amd64", "https://m/v1.35.1%2Bk3s1/k3s"),
            ("https://m", "arm64", "https://m/v1.35.1%2Bk3s1/k3s-arm64"),
            ("/srv/m", "arm", "/srv/m/v1.35.1+k3s1/k3s-armhf"),
        ];
        for (mirror, arch, source) in cases {
            let parts = k3s(mirror, "v1.35.1+k3s1", arch);
            assert_eq!(parts[0].wanted.source, source);
            assert_eq!(parts[0].name, "k3s");
            assert_eq!(parts[1].name, format!("k3s-airgap-images-{arch}.tar.zst"));
        }
    }
}
