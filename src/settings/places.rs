//! Where settings are looked for.

use crate::source::{Diagnostic, Diagnostics};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The name of our own files.
const FILE: &str = "windlass.toml";

/// What the process was started in.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The working folder, absolute.
    pub folder: PathBuf,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// Where the user's settings are, as XDG has it: `~/.config`.
    pub config: Option<PathBuf>,
    /// The system's own `ansible.cfg`.
    pub system_ansible_cfg: PathBuf,
    /// The environment, as far as it is text.
    pub variables: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> std::io::Result<Self> {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let config = variables
            .get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            // XDG: a path that is not absolute is to be ignored.
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home.as_ref()?.join(".config")));
        Ok(Self {
            folder: std::env::current_dir()?,
            home,
            config,
            system_ansible_cfg: PathBuf::from("/etc/ansible/ansible.cfg"),
            variables,
        })
    }

    /// A variable of the environment that says something.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The project's file: the nearest one from the working folder upwards. The home folder ends the way and is no
    /// project itself, unless it is the working folder.
    pub(super) fn project_file(&self, warnings: &mut Diagnostics) -> Option<PathBuf> {
        for folder in self.folder.ancestors() {
            let is_here = folder == self.folder;
            if !is_here && Some(folder) == self.home.as_deref() {
                return None;
            }
            let path = folder.join(FILE);
            if !path.exists() {
                continue;
            }
            if is_open_to_all(folder) {
                warnings.push(ignored(&path));
                continue;
            }
            return Some(if is_here { PathBuf::from(FILE) } else { path });
        }
        None
    }

    /// The user's own file.
    pub(super) fn user_file(&self) -> Option<PathBuf> {
        let path = self.config.as_ref()?.join("windlass").join(FILE);
        path.exists().then_some(path)
    }

    /// The `ansible.cfg` that Ansible would read, and it alone: the first of `ANSIBLE_CONFIG`, the working folder, the
    /// home folder and the system's.
    pub(super) fn ansible_cfg(&self, warnings: &mut Diagnostics) -> Option<PathBuf> {
        let named = self.variable("ANSIBLE_CONFIG").map(|path| {
            let path = match (&self.home, path.strip_prefix("~/")) {
                (Some(home), Some(rest)) => home.join(rest),
                _ => PathBuf::from(path),
            };
            if self.folder.join(&path).is_dir() {
                path.join("ansible.cfg")
            } else {
                path
            }
        });
        if let Some(path) = named {
            if self.folder.join(&path).exists() {
                return Some(path);
            }
            warnings.push(Diagnostic::warning(
                "no-ansible-cfg",
                format!("ANSIBLE_CONFIG names no file: {}", path.display()),
            ));
        }
        let here = self.folder.join("ansible.cfg");
        if here.exists() {
            if !is_open_to_all(&self.folder) {
                return Some(PathBuf::from("ansible.cfg"));
            }
            warnings.push(ignored(&here));
        }
        let at_home = self.home.as_ref().map(|home| home.join(".ansible.cfg"));
        at_home
            .into_iter()
            .chain([self.system_ansible_cfg.clone()])
            .find(|path| path.exists())
    }
}

/// Whether anyone may put files into the folder: settings could make a run do what somebody else wants.
fn is_open_to_all(folder: &Path) -> bool {
    folder
        .metadata()
        .is_ok_and(|data: Metadata| data.permissions().mode() & 0o002 != 0)
}

fn ignored(path: &Path) -> Diagnostic {
    Diagnostic::warning(
        "open-folder",
        format!(
            "{} is ignored: anyone may write into its folder",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A home with a project two folders deep, and what it is entered from.
    fn home() -> (tempfile::TempDir, Surroundings) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("project/deep");
        fs::create_dir_all(&folder).unwrap();
        let around = Surroundings {
            folder,
            home: Some(home.path().to_owned()),
            config: Some(home.path().join(".config")),
            system_ansible_cfg: home.path().join("etc.cfg"),
            variables: BTreeMap::new(),
        };
        (home, around)
    }

    fn open(folder: &Path) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o1777)).unwrap();
    }

    #[test]
    fn the_nearest_project_counts_and_home_is_none() {
        let (home, around) = home();
        let mut warnings = Diagnostics::new();
        fs::write(home.path().join(FILE), "").unwrap();
        assert_eq!(around.project_file(&mut warnings), None);
        let project = home.path().join("project").join(FILE);
        fs::write(&project, "").unwrap();
        assert_eq!(around.project_file(&mut warnings), Some(project.clone()));
        fs::write(around.folder.join(FILE), "").unwrap();
        assert_eq!(
            around.project_file(&mut warnings),
            Some(PathBuf::from(FILE))
        );
        assert!(warnings.is_empty());
        open(&around.folder);
        assert_eq!(around.project_file(&mut warnings), Some(project));
        let text = warnings.to_string();
        assert!(
            text.ends_with("windlass.toml is ignored: anyone may write into its folder"),
            "{text}"
        );
        let at_home = Surroundings {
            folder: home.path().to_owned(),
            ..around
        };
        assert_eq!(
            at_home.project_file(&mut warnings),
            Some(PathBuf::from(FILE))
        );
    }

    #[test]
    fn one_ansible_cfg_is_read_and_it_is_the_one_that_ansible_reads() {
        let (home, mut around) = home();
        let mut warnings = Diagnostics::new();
        assert_eq!(around.ansible_cfg(&mut warnings), None);
        for (path, expected) in [
            (home.path().join("etc.cfg"), None),
            (home.path().join(".ansible.cfg"), None),
            (around.folder.join("ansible.cfg"), Some("ansible.cfg")),
        ] {
            fs::write(&path, "").unwrap();
            let expected = expected.map_or(path, PathBuf::from);
            assert_eq!(around.ansible_cfg(&mut warnings), Some(expected));
        }
        assert!(warnings.is_empty());
        open(&around.folder);
        let at_home = Some(home.path().join(".ansible.cfg"));
        assert_eq!(around.ansible_cfg(&mut warnings), at_home);
        assert_eq!(warnings.iter().count(), 1);

        // A folder stands for the file in it, and a name that leads nowhere is said and passed over.
        let named = home.path().join("project");
        let file = named.join("ansible.cfg");
        fs::write(&file, "").unwrap();
        for (name, expected) in [
            (named, Some(file.clone())),
            (file.clone(), Some(file)),
            (home.path().join("nowhere"), at_home),
        ] {
            let name = name.display().to_string();
            around.variables = BTreeMap::from([("ANSIBLE_CONFIG".to_owned(), name)]);
            assert_eq!(around.ansible_cfg(&mut warnings), expected);
        }
        assert!(warnings.to_string().contains("names no file"));
    }
}
