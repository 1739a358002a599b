//! The system, its users, its time, and the programs that run it.

use super::answer::Answer;
use super::gather::Sink;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

/// Adds what the `min` subset has besides the distribution.
pub(super) fn add(answer: &Answer, sink: &mut Sink) {
    system(answer, sink);
    names(answer, sink);
    user(answer, sink);
    if let Some(time) = date_time(answer.field("time")) {
        sink.put("date_time", time);
    }
    programs(answer, sink);
    security(answer, sink);
    sink.put("lsb", lsb(answer));
    sink.put("dns", dns(answer));
    sink.put("is_chroot", answer.has("there", "chroot"));
    let environment: Map<String, Value> = answer
        .environment
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    sink.put("env", environment);
    sink.put("windlass", own(answer));
}

fn system(answer: &Answer, sink: &mut Sink) {
    let machine = answer.field("machine");
    let wide = answer.field("elf").ends_with('\u{2}');
    sink.put("system", answer.line("/proc/sys/kernel/ostype"));
    sink.put("kernel", answer.line("/proc/sys/kernel/osrelease"));
    sink.put("kernel_version", answer.line("/proc/sys/kernel/version"));
    sink.put("machine", machine);
    // A 32-bit system on a 64-bit kernel is what its programs are.
    let is_intel_32 = machine.len() == 4 && machine.starts_with('i') && machine.ends_with("86");
    let architecture = match machine {
        "x86_64" if !wide => "i386",
        _ if is_intel_32 => "i386",
        other => other,
    };
    sink.put("architecture", architecture);
    sink.put("userspace_architecture", architecture);
    sink.put("userspace_bits", if wide { "64" } else { "32" });
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .into_iter()
        .map(|path| answer.line(path))
        .find(|id| !id.is_empty());
    if let Some(id) = id {
        sink.put("machine_id", id);
    }
    let uptime = answer.line("/proc/uptime").split('.').next();
    if let Some(seconds) = uptime.and_then(|text| text.parse::<u64>().ok()) {
        sink.put("uptime_seconds", seconds);
    }
    let words = shlex::split(answer.line("/proc/cmdline")).unwrap_or_default();
    let options: Map<String, Value> = words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Value::from(value)),
            None => (word.clone(), Value::Bool(true)),
        })
        .collect();
    sink.put("cmdline", options);
}

fn names(answer: &Answer, sink: &mut Sink) {
    let node = answer.line("/proc/sys/kernel/hostname");
    let fqdn = match answer.field("fqdn").trim() {
        "" => full_name(answer.lines("/etc/hosts"), node).unwrap_or(node),
        name => name,
    };
    sink.put("nodename", node);
    sink.put("hostname", node.split('.').next().unwrap_or_default());
    sink.put("fqdn", fqdn);
    sink.put(
        "domain",
        fqdn.split_once('.').map_or("", |(_, domain)| domain),
    );
}

/// The canonical name of a host in `/etc/hosts`.
fn full_name<'a>(hosts: &'a [String], node: &str) -> Option<&'a str> {
    hosts.iter().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut names = line.split_whitespace().skip(1);
        let first = names.clone().next()?;
        names.any(|name| name == node).then_some(first)
    })
}

fn user(answer: &Answer, sink: &mut Sink) {
    let ids: Vec<u64> = answer
        .field("ids")
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect();
    if let [real_user, user, real_group, group] = ids[..] {
        sink.put("user_uid", user);
        sink.put("user_gid", group);
        sink.put("real_user_id", real_user);
        sink.put("effective_user_id", user);
        sink.put("real_group_id", real_group);
        sink.put("effective_group_id", group);
    }
    let entry: Vec<&str> = answer.field("user").split(':').collect();
    if let [name, _, _, _, gecos, folder, shell] = entry[..] {
        sink.put("user_id", name);
        sink.put("user_gecos", gecos);
        sink.put("user_dir", folder);
        sink.put("user_shell", shell);
    } else if let Some((_, name)) = answer
        .environment
        .iter()
        .find(|(name, _)| matches!(name.as_str(), "USER" | "LOGNAME"))
    {
        sink.put("user_id", name.as_str());
    }
}

/// The host's clock, as `date '+%s %N %z %Z %A %w %j %V %Y-%m-%dT%H:%M:%S'` tells it. busybox knows no `%N`.
fn date_time(line: &str) -> Option<Value> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // Without `%N` there is one word less, or the letters themselves.
    let (epoch, nanos, rest) = match words.len() {
        9 => (words[0], words[1], &words[2..]),
        8 => (words[0], "0", &words[1..]),
        _ => return None,
    };
    let [offset, zone, weekday, weekday_number, _, week, local] = rest else {
        return None;
    };
    let seconds: i64 = epoch.parse().ok()?;
    let nanos: i32 = nanos.parse().unwrap_or(0);
    let instant = Timestamp::new(seconds, nanos).ok()?;
    let utc = instant.to_zoned(TimeZone::UTC);
    let (date, time) = local.split_once('T')?;
    let date_parts: Vec<&str> = date.split('-').collect();
    let time_parts: Vec<&str> = time.split(':').collect();
    let ([year, month, day], [hour, minute, second]) = (&date_parts[..], &time_parts[..]) else {
        return None;
    };
    let micros = format!("{:06}", nanos / 1000);
    let basic = format!("{year}{month}{day}T{hour}{minute}{second}");
    Some(json!({
        "year": year,
        "month": month,
        "weekday": weekday,
        "weekday_number": weekday_number,
        "weeknumber": week,
        "day": day,
        "hour": hour,
        "minute": minute,
        "second": second,
        "epoch": epoch,
        "epoch_int": epoch,
        "date": date,
        "time": time,
        "iso8601_micro": utc.strftime(&format!("%Y-%m-%dT%H:%M:%S.{micros}Z")).to_string(),
        "iso8601": utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "iso8601_basic": format!("{basic}{micros}"),
        "iso8601_basic_short": basic,
        "tz": zone,
        "tz_dst": zone,
        "tz_offset": offset,
    }))
}

fn programs(answer: &Answer, sink: &mut Sink) {
    sink.put("service_mgr", service_manager(answer));
    let family = DISTRIBUTION_MANAGERS
        .iter()
        .find(|(file, _)| answer.has("there", file))
        .map_or("unknown", |(_, name)| name);
    sink.put("pkg_mgr", family);
}

/// By the first process; where that is hidden or says nothing, by what is installed. The rules are Ansible's.
fn service_manager(answer: &Answer) -> &str {
    let first = answer.line("/proc/1/comm");
    let there = |path: &str| answer.has("there", path);
    let has_systemctl = there("/bin/systemctl") || there("/usr/bin/systemctl");
    match first {
        "procd" => return "openwrt_init",
        "runit-init" => return "runit",
        "svscan" => return "svc",
        "openrc-init" => return "openrc",
        "systemd" => return "systemd",
        _ => {}
    }
    if has_systemctl && (there("/run/systemd/system") || there("/dev/.run/systemd")) {
        "systemd"
    } else if there("/sbin/initctl") && there("/etc/init") {
        "upstart"
    } else if there("/sbin/openrc") {
        "openrc"
    } else if there("/etc/init.d") {
        "sysvinit"
    } else {
        "service"
    }
}

/// A program and the package manager that it means; the first one that is there counts.
const DISTRIBUTION_MANAGERS: &[(&str, &str)] = &[
    ("/run/ostree-booted", "atomic_container"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/microdnf", "dnf"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/bin/pacman", "pacman"),
    ("/sbin/apk", "apk"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/opkg", "opkg"),
    ("/bin/opkg", "opkg"),
    ("/usr/bin/swupd", "swupd"),
];

fn security(answer: &Answer, sink: &mut Sink) {
    let enforce = answer.line("/sys/fs/selinux/enforce");
    let mut selinux = Map::new();
    if enforce.is_empty() {
        selinux.insert("status".to_owned(), "disabled".into());
    } else {
        let mode = if enforce == "1" {
            "enforcing"
        } else {
            "permissive"
        };
        selinux.insert("status".to_owned(), "enabled".into());
        selinux.insert("mode".to_owned(), mode.into());
        for (key, name) in [("config_mode", "SELINUX"), ("type", "SELINUXTYPE")] {
            let value = answer.assignment("/etc/selinux/config", name);
            selinux.insert(
                key.to_owned(),
                value.unwrap_or_else(|| "unknown".to_owned()).into(),
            );
        }
        let version = answer.line("/sys/fs/selinux/policyvers");
        selinux.insert("policyvers".to_owned(), version.into());
    }
    sink.put("selinux", selinux);
    let armored = answer.has("there", "/sys/kernel/security/apparmor");
    let status = if armored { "enabled" } else { "disabled" };
    sink.put("apparmor", json!({ "status": status }));
    let fips = answer.line("/proc/sys/crypto/fips_enabled") == "1";
    sink.put("fips", fips);
}

fn lsb(answer: &Answer) -> Value {
    let mut lsb = Map::new();
    for (key, name) in [
        ("id", "DISTRIB_ID"),
        ("release", "DISTRIB_RELEASE"),
        ("description", "DISTRIB_DESCRIPTION"),
        ("codename", "DISTRIB_CODENAME"),
    ] {
        if let Some(value) = answer.assignment("/etc/lsb-release", name) {
            if key == "release" {
                let major = value.split('.').next().unwrap_or_default();
                lsb.insert("major_release".to_owned(), major.into());
            }
            lsb.insert(key.to_owned(), value.into());
        }
    }
    Value::Object(lsb)
}

fn dns(answer: &Answer) -> Value {
    let mut dns = Map::new();
    for line in answer.lines("/etc/resolv.conf") {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                let servers = dns
                    .entry("nameservers")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(servers), Some(server)) = (servers, words.next()) {
                    servers.push(server.into());
                }
            }
            Some("domain") => {
                dns.insert("domain".to_owned(), words.next().unwrap_or_default().into());
            }
            Some(key @ ("search" | "sortlist")) => {
                dns.insert(key.to_owned(), words.collect::<Vec<_>>().into());
            }
            Some("options") => {
                let options: Map<String, Value> = words
                    .map(|word| match word.split_once(':') {
                        Some((name, value)) => (name.to_owned(), Value::from(value)),
                        None => (word.to_owned(), Value::Bool(true)),
                    })
                    .collect();
                dns.insert("options".to_owned(), options.into());
            }
            _ => {}
        }
    }
    Value::Object(dns)
}

/// What Ansible has no fact for.
fn own(answer: &Answer) -> Value {
    let cgroup = if answer.has("there", "/sys/fs/cgroup/cgroup.controllers") {
        2
    } else {
        u8::from(answer.has("there", "/sys/fs/cgroup"))
    };
    json!({
        "boot_id": answer.line("/proc/sys/kernel/random/boot_id"),
        "cgroup": cgroup,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read_with_and_without_nanoseconds() {
        for (line, micro) in [
            (
                "1700000000 123456789 +0100 CET Tuesday 2 318 46 2023-11-14T23:13:20",
                "123456",
            ),
            (
                "1700000000 %N +0100 CET Tuesday 2 318 46 2023-11-14T23:13:20",
                "000000",
            ),
            (
                "1700000000 +0100 CET Tuesday 2 318 46 2023-11-14T23:13:20",
                "000000",
            ),
        ] {
            let time = date_time(line).unwrap();
            assert_eq!(time["iso8601"], "2023-11-14T22:13:20Z");
            assert_eq!(
                time["iso8601_micro"],
                format!("2023-11-14T22:13:20.{micro}Z")
            );
            assert_eq!(time["iso8601_basic"], format!("20231114T231320{micro}"));
            assert_eq!(
                (&time["tz"], &time["tz_offset"]),
                (&json!("CET"), &json!("+0100"))
            );
            assert_eq!(
                (&time["weekday"], &time["weeknumber"]),
                (&json!("Tuesday"), &json!("46"))
            );
            assert_eq!((&time["day"], &time["hour"]), (&json!("14"), &json!("23")));
        }
        assert_eq!(date_time(""), None);
    }

    #[test]
    fn the_full_name_is_the_first_of_its_line() {
        let hosts = ["127.0.0.1 localhost", "10.0.0.1 n1.example.org n1 # n2"].map(str::to_owned);
        assert_eq!(full_name(&hosts, "n1"), Some("n1.example.org"));
        assert_eq!(full_name(&hosts, "n2"), None);
    }
}
