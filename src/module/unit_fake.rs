//! A systemd of one unit for tests: programs that stand first in a test host's PATH. Only for tests.

use super::testing::Host;
use std::fs;
use std::path::PathBuf;

/// Keeps the unit in files: `load`, `active`, `enabled`, `pid`; notes each command that changes something in `calls`.
const SYSTEMCTL: &str = r#"#!/bin/sh
dir='@DIR@'
is() { cat "$dir/$1"; }
set_to() { printf '%s\n' "$2" >"$dir/$1"; }
verb=$1
shift
for unit; do :; done
[ "$(is breaks)" != "$verb" ] || {
  [ "$verb" != start ] || set_to active failed
  echo 'Job failed.' >&2
  exit 1
}
case $verb in
  show)
    echo "LoadState=$(is load)"
    echo "ActiveState=$(is active)"
    echo "MainPID=$(is pid)"
    exit 0 ;;
  is-enabled)
    is enabled
    case $(is enabled) in enabled|static) exit 0 ;; *) exit 1 ;; esac ;;
  is-active)
    is active
    [ "$(is active)" = active ] || exit 3
    exit 0 ;;
  status)
    echo 'from status'
    exit 3 ;;
  reset-failed) exit 0 ;;
  is-system-running) echo running; exit 0 ;;
esac
echo "$verb${*:+ $*}" >>"$dir/calls"
case $verb in
  daemon-reload)
    [ ! -e "$dir/appears" ] || { set_to load loaded; set_to enabled disabled; }
    exit 0 ;;
  daemon-reexec) exit 0 ;;
esac
[ "$(is load)" != not-found ] || { echo "Unit $unit.service not found." >&2; exit 5; }
case $verb in
  start|restart) set_to active active; set_to pid "$(($(is pid) + 1))" ;;
  stop) set_to active inactive ;;
  enable) set_to enabled enabled ;;
  disable) set_to enabled disabled ;;
  mask) set_to enabled masked; set_to load masked ;;
  unmask) set_to enabled disabled; set_to load loaded ;;
  reload) ;;
  *) echo "unknown: $verb" >&2; exit 1 ;;
esac
"#;

/// The one unit, whatever it is called.
#[derive(Debug)]
pub(super) struct Units {
    folder: PathBuf,
}

impl Units {
    /// A unit whose load state, active state and enablement are these.
    pub(super) fn new(host: &Host, [load, active, enabled]: [&str; 3]) -> Self {
        let folder = PathBuf::from(host.text("units"));
        fs::create_dir_all(&folder).unwrap();
        let units = Self { folder };
        let _ = fs::remove_file(units.folder.join("appears"));
        for (name, value) in [
            ("load", load),
            ("active", active),
            ("enabled", enabled),
            ("pid", "100"),
            ("breaks", ""),
            ("log", ""),
            ("calls", ""),
        ] {
            units.write(name, value);
        }
        let folder = units.folder.display().to_string();
        host.tool("systemctl", &SYSTEMCTL.replace("@DIR@", &folder));
        host.tool("journalctl", &format!("#!/bin/sh\ncat '{folder}/log'\n"));
        units
    }

    fn write(&self, name: &str, value: &str) {
        fs::write(self.folder.join(name), value).unwrap();
    }

    /// This verb fails from now on.
    pub(super) fn breaks(&self, verb: &str) {
        self.write("breaks", verb);
    }

    /// What the journal has.
    pub(super) fn logs(&self, text: &str) {
        self.write("log", text);
    }

    /// The unit is there once systemd was told to look again.
    pub(super) fn appears_on_reload(&self) {
        self.write("appears", "");
    }

    /// The commands that changed something, since the unit was made.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.join("calls")).unwrap();
        calls.lines().map(str::to_owned).collect()
    }

    /// Load state, active state and enablement.
    pub(super) fn now(&self) -> [String; 3] {
        ["load", "active", "enabled"].map(|name| {
            let value = fs::read_to_string(self.folder.join(name)).unwrap();
            value.trim().to_owned()
        })
    }
}
