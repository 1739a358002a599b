//! Processors, memory, mounts, firmware.

use super::answer::Answer;
use super::gather::Sink;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Adds the `hardware` subset.
pub(super) fn add(answer: &Answer, sink: &mut Sink) {
    memory(answer, sink);
    processors(answer, sink);
    sink.put("mounts", mounts(answer));
    for (name, file) in [
        ("bios_date", "bios_date"),
        ("bios_vendor", "bios_vendor"),
        ("bios_version", "bios_version"),
        ("product_name", "product_name"),
        ("product_serial", "product_serial"),
        ("product_uuid", "product_uuid"),
        ("product_version", "product_version"),
        ("system_vendor", "sys_vendor"),
    ] {
        let value = answer.line(&format!("/sys/class/dmi/id/{file}"));
        sink.put(name, if value.is_empty() { "NA" } else { value });
    }
}

fn memory(answer: &Answer, sink: &mut Sink) {
    let mega = |name: &str| {
        answer
            .number("/proc/meminfo", name)
            .map_or(0, |kilo| kilo / 1024)
    };
    let (total, free) = (mega("MemTotal"), mega("MemFree"));
    let (swap_total, swap_free) = (mega("SwapTotal"), mega("SwapFree"));
    let available = free + mega("Cached") + mega("Buffers");
    sink.put("memtotal_mb", total);
    sink.put("memfree_mb", free);
    sink.put("swaptotal_mb", swap_total);
    sink.put("swapfree_mb", swap_free);
    sink.put(
        "memory_mb",
        json!({
            "real": {"total": total, "used": total.saturating_sub(free), "free": free},
            "nocache": {"free": available, "used": total.saturating_sub(available)},
            "swap": {
                "total": swap_total,
                "free": swap_free,
                "used": swap_total.saturating_sub(swap_free),
                "cached": mega("SwapCached"),
            },
        }),
    );
}

/// By Ansible's rules: sockets by their ids where the processor has them, else each processor is one.
fn processors(answer: &Answer, sink: &mut Sink) {
    let (mut list, mut count) = (Vec::<Value>::new(), 0_u64);
    let mut sockets: BTreeMap<String, u64> = BTreeMap::new();
    let mut cores: HashMap<String, u64> = HashMap::new();
    let (mut socket, mut core) = (String::new(), String::new());
    for line in answer.lines("/proc/cpuinfo") {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "processor" => {
                count += 1;
                list.push(value.into());
            }
            "vendor_id" | "model name" | "Processor" | "cpu" => list.push(value.into()),
            "physical id" => {
                value.clone_into(&mut socket);
                sockets.entry(socket.clone()).or_insert(1);
            }
            "core id" => {
                value.clone_into(&mut core);
                cores.entry(core.clone()).or_insert(1);
            }
            "cpu cores" => {
                sockets.insert(socket.clone(), value.parse().unwrap_or(1));
            }
            "siblings" => {
                cores.insert(core.clone(), value.parse().unwrap_or(1));
            }
            _ => {}
        }
    }
    let packages = if sockets.is_empty() {
        count
    } else {
        sockets.len() as u64
    };
    let per_socket = sockets.values().next().copied().unwrap_or(1).max(1);
    let threads = cores.values().max().copied().unwrap_or(1) / per_socket;
    let threads = threads.max(1);
    sink.put("processor", list);
    sink.put("processor_count", packages);
    sink.put("processor_cores", per_socket);
    sink.put("processor_threads_per_core", threads);
    sink.put("processor_vcpus", packages * per_socket * threads);
    let allowed = answer
        .lines("/proc/self/status")
        .iter()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .map(|text| listed(text.trim()));
    sink.put(
        "processor_nproc",
        allowed.filter(|n| *n > 0).unwrap_or(count),
    );
}

/// How many numbers are in a list such as `0-3,8`.
fn listed(text: &str) -> u64 {
    text.split(',')
        .filter_map(|part| match part.split_once('-') {
            Some((from, to)) => {
                let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
                Some(to.checked_sub(from)? + 1)
            }
            None => part.parse::<u64>().ok().map(|_| 1),
        })
        .sum()
}

/// File systems on devices and servers. Sizes, in bytes, are there for those that `df` knows.
fn mounts(answer: &Answer) -> Vec<Value> {
    let mut sizes: HashMap<&str, (u64, u64)> = HashMap::new();
    for line in answer.field("df").lines() {
        // The mount point comes last and may hold blanks, the device comes first and may too; the numbers are between.
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(percent) = words.iter().position(|word| word.ends_with('%')) else {
            continue;
        };
        let at = line
            .find(&format!("{} ", words[percent]))
            .map(|start| line[start + words[percent].len()..].trim_start());
        let number = |back: usize| {
            let index = percent.checked_sub(back)?;
            words.get(index)?.parse::<u64>().ok()
        };
        if let (Some(path), Some(total), Some(free)) = (at, number(3), number(1)) {
            sizes.insert(path, (total * 1024, free * 1024));
        }
    }
    answer
        .field("mounts")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let device = unescape(words.next()?);
            let path = unescape(words.next()?);
            let (kind, options) = (words.next()?, words.next()?);
            let mut mount = json!({
                "mount": path,
                "device": device,
                "fstype": kind,
                "options": options,
            });
            if let Some((total, free)) = sizes.get(path.as_str()) {
                mount["size_total"] = (*total).into();
                mount["size_available"] = (*free).into();
            }
            Some(mount)
        })
        .collect()
}

/// The kernel writes blanks and backslashes of names as three octal digits.
fn unescape(word: &str) -> String {
    let mut text = word.to_owned();
    for (escape, plain) in [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ] {
        text = text.replace(escape, plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(files: &[(&str, &str)], fields: &[(&str, &str)]) -> Sink {
        let mut text = String::from("files\0");
        for (path, content) in files {
            text.extend(content.lines().map(|line| format!("{path}:{line}\n")));
        }
        text.push('\0');
        text.extend(
            fields
                .iter()
                .map(|(name, value)| format!("{name}\0{value}\0")),
        );
        let mut sink = Sink::default();
        add(&Answer::read(text.as_bytes()).unwrap(), &mut sink);
        sink
    }

    #[test]
    fn processors_are_counted_by_sockets_cores_and_threads() {
        let one = |processor: u32, socket: u32, core: u32| {
            format!(
                "processor\t: {processor}\nvendor_id\t: I\nmodel name\t: M\nphysical id\t: {socket}\n\
                 siblings\t: 4\ncore id\t\t: {core}\ncpu cores\t: 2\n"
            )
        };
        let text: String = (0..8).map(|n| one(n, n / 4, n % 2)).collect();
        let sink = facts(
            &[
                ("/proc/cpuinfo", &text),
                ("/proc/self/status", "Cpus_allowed_list:\t0-3,6"),
            ],
            &[],
        );
        let get = |name: &str| sink.0[&format!("ansible_processor{name}")].clone();
        assert_eq!(get("_count"), 2);
        assert_eq!(get("_cores"), 2);
        assert_eq!(get("_threads_per_core"), 2);
        assert_eq!(get("_vcpus"), 8);
        assert_eq!(get("_nproc"), 5);
        assert_eq!(get("").as_array().unwrap()[..3], ["0", "I", "M"]);
        let arm = facts(
            &[("/proc/cpuinfo", "processor\t: 0\nprocessor\t: 1\n")],
            &[],
        );
        assert_eq!(arm.0["ansible_processor_count"], 2);
        assert_eq!(arm.0["ansible_processor_vcpus"], 2);
        assert_eq!(arm.0["ansible_processor_nproc"], 2);
    }

    #[test]
    fn memory_is_in_mebibytes_and_mounts_in_bytes() {
        let sink = facts(
            &[(
                "/proc/meminfo",
                "MemTotal:  2048 kB\nMemFree: 1024 kB\nSwapTotal: 0 kB",
            )],
            &[
                (
                    "mounts",
                    "/dev/a / ext4 rw 0 0\n/dev/b /with\\040blank xfs ro 0 0",
                ),
                (
                    "df",
                    "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                        /dev/a 100 40 60 40% /\n/dev/b 10 0 10 0% /with blank",
                ),
            ],
        );
        assert_eq!(sink.0["ansible_memtotal_mb"], 2);
        assert_eq!(sink.0["ansible_memory_mb"]["real"]["used"], 1);
        assert_eq!(
            sink.0["ansible_mounts"],
            json!([
                {"mount": "/", "device": "/dev/a", "fstype": "ext4", "options": "rw",
                 "size_total": 102_400, "size_available": 61_440},
                {"mount": "/with blank", "device": "/dev/b", "fstype": "xfs", "options": "ro",
                 "size_total": 10_240, "size_available": 10_240},
            ])
        );
    }
}
