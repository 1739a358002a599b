//! The script that looks at a host.
//!
//! Starting programs is what costs time on a host, so files are read by one `grep` for all of them, and what the shell
//! can find out by itself, it does. The answer is NUL-ended fields: a name and a text, again and again; `env` comes last.

use super::Subset;
use crate::shell::quote;
use std::fmt::Write as _;

/// What is wanted of a host.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which facts.
    pub subset: Subset,
    /// The folder of the host's own facts, `*.fact`.
    pub fact_path: String,
    /// Seconds that looking at mounts may take.
    pub timeout: u32,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            subset: Subset::ALL,
            fact_path: "/etc/ansible/facts.d".to_owned(),
            timeout: 10,
        }
    }
}

/// Files that are read whole. Those that are not there are passed over.
const MIN_FILES: &[&str] = &[
    "/etc/alpine-release",
    "/etc/debian_version",
    "/etc/hosts",
    "/etc/lsb-release",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/resolv.conf",
    "/etc/selinux/config",
    "/etc/system-release",
    "/proc/1/comm",
    "/proc/cmdline",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ostype",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/version",
    "/proc/uptime",
    "/sys/fs/selinux/enforce",
    "/sys/fs/selinux/policyvers",
    "/usr/lib/os-release",
    "/var/lib/dbus/machine-id",
];

const HARDWARE_FILES: &[&str] = &["/proc/cpuinfo", "/proc/meminfo", "/proc/self/status"];

const NETWORK_FILES: &[&str] = &[
    "/sys/class/net/*/address",
    "/sys/class/net/*/mtu",
    "/sys/class/net/*/operstate",
    "/sys/class/net/*/type",
];

const VIRTUAL_FILES: &[&str] = &["/proc/1/cgroup", "/sys/hypervisor/type"];

/// What the firmware says; serial numbers are for root only, and then absent.
const FIRMWARE_FILES: &[&str] = &[
    "/sys/class/dmi/id/bios_date",
    "/sys/class/dmi/id/bios_vendor",
    "/sys/class/dmi/id/bios_version",
    "/sys/class/dmi/id/product_name",
    "/sys/class/dmi/id/product_serial",
    "/sys/class/dmi/id/product_uuid",
    "/sys/class/dmi/id/product_version",
    "/sys/class/dmi/id/sys_vendor",
];

/// Lines that nobody needs, and that make up most of `/proc/cpuinfo` on a large host.
const NOISE: &str = "^(flags|Features|bugs|bogomips|BogoMIPS|cache|clflush|address sizes|power management|TLB|fpu|wp|cpuid|\
    microcode|stepping|cpu MHz|apicid|initial apicid|vmx|Sig|Shd|Cap|Vm|Rss|Mems_allowed:|Seccomp|Speculation)";

const FUNCTIONS: &str = r#"put() { printf '%s\0%s\0' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
limited() {
  if have timeout; then timeout "$@"; else shift; "$@"; fi
}
"#;

/// Who the user is, by the shell's own numbers; the time; what is there.
const MIN: &str = r#"while read -r key real effective rest; do
  case $key in
    Uid:) ruid=$real uid=$effective ;;
    Gid:) rgid=$real gid=$effective; break ;;
  esac
done </proc/self/status
put ids "$ruid $uid $rgid $gid"
put user "$(getent passwd "$uid" 2>/dev/null || grep "^[^:]*:[^:]*:$uid:" /etc/passwd)"
put machine "$(uname -m)"
put elf "$(head -c 5 /proc/self/exe 2>/dev/null)"
put time "$(LC_ALL=C date '+%s %N %z %Z %A %w %j %V %Y-%m-%dT%H:%M:%S')"
put fqdn "$(limited 3 hostname -f 2>/dev/null)"
there=
for each in /bin/systemctl /usr/bin/systemctl /run/systemd/system /dev/.run/systemd /sbin/initctl /etc/init /sbin/openrc \
  /etc/init.d /run/ostree-booted /sys/kernel/security/apparmor /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup \
  /usr/bin/apt-get /usr/bin/dnf /usr/bin/dnf-3 /usr/bin/dnf5 /usr/bin/microdnf /usr/bin/yum /usr/bin/zypper \
  /usr/bin/pacman /sbin/apk /usr/bin/emerge /usr/bin/rpm-ostree /usr/bin/opkg /bin/opkg /usr/bin/swupd \
  /usr/sbin/transactional-update; do
  [ ! -e "$each" ] || there="$there $each"
done
[ ! -r /proc/1/root/. ] || [ / -ef /proc/1/root/. ] || there="$there chroot"
put there "$there"
for each in "$facts"/*.fact; do
  [ -f "$each" ] || continue
  name=${each##*/}
  if [ -x "$each" ]; then put "program:${name%.fact}" "$each"
  elif [ -r "$each" ]; then put "local:${name%.fact}" "$(cat "$each")"
  else put "unreadable:${name%.fact}" "$each"
  fi
done
"#;

const HARDWARE: &str = r#"put mounts "$(grep -E '^(/|[^ ]+:/)' /proc/mounts)"
put df "$(LC_ALL=C limited "$limit" df -P -k 2>/dev/null | grep -E '^(/|[^ ]+:/)')"
"#;

const NETWORK: &str = r#"if have ip; then
  put addr "$(ip -o addr 2>/dev/null)"
  put route4 "$(ip -4 route get 8.8.8.8 2>/dev/null)"
  put route6 "$(ip -6 route get 2404:6800:400a:800::1012 2>/dev/null)"
fi
"#;

const VIRTUAL: &str = r#"there=
for each in /.dockerenv /run/.containerenv /proc/vz /proc/bc /proc/xen /dev/lxd/sock /sys/module/kvm /sys/module/vboxdrv; do
  [ ! -e "$each" ] || there="$there $each"
done
put virtual "$there"
put container "$({ tr '\0' '\n' </proc/1/environ; } 2>/dev/null | grep '^container=')"
"#;

/// The script for what is wanted. `parse` reads its answer.
pub fn script(request: &Request) -> String {
    let subset = request.subset;
    let mut files: Vec<&str> = Vec::new();
    let mut parts = String::new();
    for (wanted, more, part) in [
        (subset.min, MIN_FILES, MIN),
        (subset.hardware, HARDWARE_FILES, HARDWARE),
        (subset.network, NETWORK_FILES, NETWORK),
        (subset.virtualization, VIRTUAL_FILES, VIRTUAL),
        (subset.hardware || subset.virtualization, FIRMWARE_FILES, ""),
    ] {
        if wanted {
            files.extend(more);
            parts.push_str(part);
        }
    }
    let mut script = format!(
        "{FUNCTIONS}facts={}\nlimit={}\n",
        quote(&request.fact_path),
        request.timeout
    );
    if !files.is_empty() {
        // `grep` fails when a file is missing, which is no failure here.
        let _ = writeln!(
            script,
            "put files \"$(LC_ALL=C grep -Hsv -E '{NOISE}' {})\"",
            files.join(" ")
        );
    }
    script.push_str(&parts);
    if subset.min {
        // Without the variables of this script, as none of them is exported.
        script.push_str("printf 'env\\0'\ncat /proc/self/environ\n");
    }
    script.push_str("exit 0\n");
    script
}
