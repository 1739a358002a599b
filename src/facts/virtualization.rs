//! What the host runs on, as well as can be told without root.

use super::answer::Answer;
use super::gather::Sink;

/// The type and the role: `kvm`, `guest`.
type Kind = (&'static str, &'static str);

/// Adds the `virtual` subset.
pub(super) fn add(answer: &Answer, sink: &mut Sink) {
    let (kind, role) = container(answer)
        .or_else(|| machine(answer))
        .or_else(|| host(answer))
        .unwrap_or(("NA", "NA"));
    sink.put("virtualization_type", kind);
    sink.put("virtualization_role", role);
}

fn container(answer: &Answer) -> Option<Kind> {
    let there = |path: &str| answer.has("virtual", path);
    let groups = answer.lines("/proc/1/cgroup");
    let group = |word: &str| groups.iter().any(|line| line.contains(word));
    let named = answer.field("container").trim();
    let kind = if there("/.dockerenv") || group("/docker") || group("/kubepods") {
        "docker"
    } else if there("/run/.containerenv") || named == "container=podman" {
        "podman"
    } else if group("/lxc/") || named == "container=lxc" || there("/dev/lxd/sock") {
        "lxc"
    } else if named == "container=systemd-nspawn" {
        "systemd-nspawn"
    } else if named == "container=docker" {
        "docker"
    } else if !named.is_empty() {
        "container"
    } else if there("/proc/vz") && !there("/proc/bc") {
        "openvz"
    } else {
        return None;
    };
    Some((kind, "guest"))
}

/// By what the firmware says, in Ansible's words.
fn machine(answer: &Answer) -> Option<Kind> {
    let firmware = |name: &str| answer.line(&format!("/sys/class/dmi/id/{name}"));
    let (product, vendor) = (firmware("product_name"), firmware("sys_vendor"));
    let bios = firmware("bios_vendor");
    let kind = if answer.line("/sys/hypervisor/type") == "xen" || bios == "Xen" {
        "xen"
    } else if product == "VirtualBox" || bios == "innotek GmbH" {
        "virtualbox"
    } else if product.starts_with("VMware") || vendor.starts_with("VMware") {
        "VMware"
    } else if bios == "Parallels" || vendor.starts_with("Parallels") {
        "parallels"
    } else if vendor == "Microsoft Corporation" && product == "Virtual Machine" {
        "VirtualPC"
    } else if product.contains("RHEV") || vendor == "oVirt" {
        "RHEV"
    } else if product.contains("OpenStack") {
        "openstack"
    } else if [
        "KVM",
        "Standard PC",
        "Google Compute Engine",
        "KubeVirt",
        "Bochs",
    ]
    .iter()
    .any(|name| product.starts_with(name))
        || [
            "QEMU",
            "Amazon EC2",
            "DigitalOcean",
            "Hetzner",
            "Alibaba Cloud",
            "Google",
        ]
        .iter()
        .any(|name| vendor.starts_with(name) && !product.contains("metal"))
    {
        "kvm"
    } else {
        return None;
    };
    Some((kind, "guest"))
}

fn host(answer: &Answer) -> Option<Kind> {
    let there = |path: &str| answer.has("virtual", path);
    [
        ("/sys/module/kvm", "kvm"),
        ("/sys/module/vboxdrv", "virtualbox"),
        ("/proc/bc", "openvz"),
    ]
    .iter()
    .find(|(path, _)| there(path))
    .map(|(_, kind)| (*kind, "host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_and_hosts_are_told_apart() {
        const DMI: &str = "/sys/class/dmi/id";
        for (answer, expected) in [
            (
                "virtual\0 /.dockerenv /sys/module/kvm\0".to_owned(),
                ("docker", "guest"),
            ),
            (
                "files\0/proc/1/cgroup:0::/kubepods/x\n\0".to_owned(),
                ("docker", "guest"),
            ),
            ("container\0container=lxc\0".to_owned(), ("lxc", "guest")),
            (
                format!("files\0{DMI}/sys_vendor:QEMU\n\0"),
                ("kvm", "guest"),
            ),
            (
                format!("files\0{DMI}/product_name:VMware7,1\n\0"),
                ("VMware", "guest"),
            ),
            (
                format!("files\0{DMI}/sys_vendor:Amazon EC2\n{DMI}/product_name:m5.metal\n\0"),
                ("NA", "NA"),
            ),
            ("virtual\0 /sys/module/kvm\0".to_owned(), ("kvm", "host")),
            (String::new(), ("NA", "NA")),
        ] {
            let mut sink = Sink::default();
            add(&Answer::read(answer.as_bytes()).unwrap(), &mut sink);
            assert_eq!(
                sink.0["ansible_virtualization_type"], expected.0,
                "{answer:?}"
            );
            assert_eq!(
                sink.0["ansible_virtualization_role"], expected.1,
                "{answer:?}"
            );
        }
    }
}
