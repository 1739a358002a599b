//! Where things are in a lab host's folder.

use std::path::{Path, PathBuf};

/// The folder of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) struct HostFolder {
    root: PathBuf,
}

impl HostFolder {
    /// The host in this folder; nothing is made or read yet.
    pub(in crate::lab) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself, `$LAB_ROOT` of the host's commands.
    pub(in crate::lab) fn root(&self) -> &Path {
        &self.root
    }

    /// First in the commands' PATH and empty: what a user puts here replaces a program on this host.
    pub(in crate::lab) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Where the host's Kubernetes binaries are.
    pub(in crate::lab) fn local_bin(&self) -> PathBuf {
        self.root.join("usr/local/bin")
    }

    /// Unit files.
    pub(in crate::lab) fn systemd(&self) -> PathBuf {
        self.root.join("etc/systemd/system")
    }

    /// `/etc/kubernetes` of the host.
    pub(in crate::lab) fn kubernetes(&self) -> PathBuf {
        self.root.join("etc/kubernetes")
    }

    /// `/etc/rancher/k3s` of the host.
    pub(in crate::lab) fn k3s(&self) -> PathBuf {
        self.root.join("etc/rancher/k3s")
    }

    /// `/var/lib/rancher/k3s` of the host.
    pub(in crate::lab) fn k3s_data(&self) -> PathBuf {
        self.root.join("var/lib/rancher/k3s")
    }

    /// Where windlass keeps its undo log on the host.
    pub(in crate::lab) fn windlass_state(&self) -> PathBuf {
        self.root.join("var/lib/windlass")
    }

    /// The states of units, one file each.
    pub(in crate::lab) fn units(&self) -> PathBuf {
        self.root.join("run/units")
    }

    /// The state of one unit; `name` is without `.service`.
    pub(in crate::lab) fn unit(&self, name: &str) -> PathBuf {
        self.units().join(name)
    }

    /// What the units said, one file each.
    pub(in crate::lab) fn journal(&self) -> PathBuf {
        self.root.join("run/journal")
    }

    /// The faults that the host has, one file each.
    pub(in crate::lab) fn faults(&self) -> PathBuf {
        self.root.join("faults")
    }

    /// For temporary files.
    pub(in crate::lab) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The home folder of the host's user, where commands start.
    pub(in crate::lab) fn home(&self) -> PathBuf {
        self.root.join("home/lab")
    }

    /// Says that the host was made completely, and as what.
    pub(in crate::lab) fn provisioned(&self) -> PathBuf {
        self.root.join("run/provisioned")
    }

    /// A stand-in that asked for a cut waits until this file is there.
    pub(in crate::lab) fn cut_done(&self) -> PathBuf {
        self.root.join("run/cut-done")
    }

    /// There while the host boots: its units are to be started.
    pub(in crate::lab) fn booting(&self) -> PathBuf {
        self.root.join("run/booting")
    }

    /// The number of this boot, as the kernel of a real host has it in `/proc/sys/kernel/random/boot_id`.
    pub(in crate::lab) fn boot_id(&self) -> PathBuf {
        self.root.join("run/boot-id")
    }

    /// All folders that a host has from the beginning.
    pub(in crate::lab) fn all(&self) -> [PathBuf; 12] {
        [
            self.bin(),
            self.local_bin(),
            self.systemd(),
            self.kubernetes(),
            self.k3s(),
            self.k3s_data(),
            self.windlass_state(),
            self.units(),
            self.journal(),
            self.faults(),
            self.tmp(),
            self.home(),
        ]
    }
}
