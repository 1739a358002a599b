//! Which distribution the host has, in Ansible's words.

use super::answer::Answer;
use super::gather::Sink;

/// `ID` of os-release, Ansible's name, Ansible's family.
const DISTRIBUTIONS: &[(&str, &str, &str)] = &[
    ("almalinux", "AlmaLinux", "RedHat"),
    ("alpine", "Alpine", "Alpine"),
    ("amzn", "Amazon", "RedHat"),
    ("anolis", "Anolis", "RedHat"),
    ("arch", "Archlinux", "Archlinux"),
    ("centos", "CentOS", "RedHat"),
    ("debian", "Debian", "Debian"),
    ("fedora", "Fedora", "RedHat"),
    ("flatcar", "Flatcar", "Flatcar"),
    ("gentoo", "Gentoo", "Gentoo"),
    ("kali", "Kali", "Debian"),
    ("kylin", "Kylin Linux Advanced Server", "RedHat"),
    ("linuxmint", "Linux Mint", "Debian"),
    ("manjaro", "Manjaro", "Archlinux"),
    ("nixos", "NixOS", "NixOS"),
    ("ol", "OracleLinux", "RedHat"),
    ("openEuler", "openEuler", "RedHat"),
    ("opensuse-leap", "openSUSE Leap", "Suse"),
    ("opensuse-microos", "openSUSE MicroOS", "Suse"),
    ("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse"),
    ("pop", "Pop!_OS", "Debian"),
    ("raspbian", "Debian", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("sl-micro", "SL-Micro", "Suse"),
    ("sle-micro", "SLES", "Suse"),
    ("sles", "SLES", "Suse"),
    ("sles_sap", "SLES_SAP", "Suse"),
    ("ubuntu", "Ubuntu", "Debian"),
    ("uos", "Uos", "Debian"),
    ("virtuozzo", "Virtuozzo", "RedHat"),
];

/// Families by the words of `ID_LIKE`, for distributions that the table does not know.
const LIKE: &[(&str, &str)] = &[
    ("debian", "Debian"),
    ("ubuntu", "Debian"),
    ("rhel", "RedHat"),
    ("fedora", "RedHat"),
    ("centos", "RedHat"),
    ("suse", "Suse"),
    ("opensuse", "Suse"),
    ("arch", "Archlinux"),
    ("alpine", "Alpine"),
];

/// Adds `distribution*` and `os_family`.
pub(super) fn add(answer: &Answer, sink: &mut Sink) {
    let file = ["/etc/os-release", "/usr/lib/os-release"]
        .into_iter()
        .find(|path| !answer.lines(path).is_empty())
        .unwrap_or("/etc/os-release");
    let get = |name: &str| answer.assignment(file, name).unwrap_or_default();
    let id = get("ID");
    let known = DISTRIBUTIONS.iter().find(|(known, ..)| *known == id);
    let like = get("ID_LIKE");
    let name = known.map_or_else(|| get("NAME"), |(_, name, _)| (*name).to_owned());
    let family = known.map(|(.., family)| *family).or_else(|| {
        LIKE.iter()
            .find(|(word, _)| like.split_whitespace().any(|each| each == *word))
            .map(|(_, family)| *family)
    });
    let name = if name.is_empty() { "Linux" } else { &name };
    let version = version(answer, &id, get("VERSION_ID"));
    let major = version.split('.').next().unwrap_or_default();
    sink.put("distribution", name);
    sink.put("distribution_version", version.as_str());
    sink.put("distribution_major_version", major);
    sink.put(
        "distribution_release",
        release(
            &get("VERSION_CODENAME"),
            &get("UBUNTU_CODENAME"),
            &get("VERSION"),
        ),
    );
    sink.put("os_family", family.unwrap_or(name));
}

/// Debian's own file is more exact than os-release, and so is Alpine's; Ansible takes those.
fn version(answer: &Answer, id: &str, plain: String) -> String {
    let exact = match id {
        "debian" | "raspbian" => answer.line("/etc/debian_version"),
        "alpine" => answer.line("/etc/alpine-release"),
        _ => "",
    };
    let is_number = exact.starts_with(|c: char| c.is_ascii_digit());
    if is_number || (plain.is_empty() && !exact.is_empty()) {
        exact.to_owned()
    } else if plain.is_empty() {
        "NA".to_owned()
    } else {
        plain
    }
}

/// The code name: its own line, or the words in brackets of `VERSION="9.3 (Plow)"`.
fn release(codename: &str, ubuntu: &str, version: &str) -> String {
    let bracketed = version
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(name, _)| name);
    [codename, ubuntu, bracketed.unwrap_or_default()]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or("NA")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(files: &[(&str, &str)]) -> [String; 5] {
        let mut text = String::from("files\0");
        for (path, content) in files {
            text.extend(content.lines().map(|line| format!("{path}:{line}\n")));
        }
        text.push('\0');
        let mut sink = Sink::default();
        add(&Answer::read(text.as_bytes()).unwrap(), &mut sink);
        ["", "_version", "_major_version", "_release", ""]
            .map(|part| {
                let name = format!("ansible_distribution{part}");
                sink.0[&name].as_str().unwrap().to_owned()
            })
            .into_iter()
            .take(4)
            .chain([sink.0["ansible_os_family"].as_str().unwrap().to_owned()])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    #[test]
    fn distributions_have_ansibles_names() {
        const RELEASE: &str = "/etc/os-release";
        for (files, expected) in [
            (
                &[
                    (
                        RELEASE,
                        "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm",
                    ),
                    ("/etc/debian_version", "12.5"),
                ][..],
                ["Debian", "12.5", "12", "bookworm", "Debian"],
            ),
            (
                &[
                    (
                        RELEASE,
                        "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\nUBUNTU_CODENAME=jammy",
                    ),
                    ("/etc/debian_version", "bookworm/sid"),
                ],
                ["Ubuntu", "22.04", "22", "jammy", "Debian"],
            ),
            (
                &[(
                    RELEASE,
                    "ID=\"rhel\"\nVERSION_ID=\"9.3\"\nVERSION=\"9.3 (Plow)\"",
                )],
                ["RedHat", "9.3", "9", "Plow", "RedHat"],
            ),
            (
                &[(
                    "/usr/lib/os-release",
                    "ID='opensuse-leap'\nVERSION_ID=\"15.6\"",
                )],
                ["openSUSE Leap", "15.6", "15", "NA", "Suse"],
            ),
            (
                &[
                    (RELEASE, "ID=alpine\nVERSION_ID=3.19.1"),
                    ("/etc/alpine-release", "3.19.1"),
                ],
                ["Alpine", "3.19.1", "3", "NA", "Alpine"],
            ),
            (
                &[(
                    RELEASE,
                    "NAME=\"My OS\"\nID=my\nID_LIKE=\"rhel fedora\"\nVERSION_ID=1",
                )],
                ["My OS", "1", "1", "NA", "RedHat"],
            ),
            (&[], ["Linux", "NA", "NA", "NA", "Linux"]),
        ] {
            assert_eq!(facts(files), expected);
        }
    }
}
