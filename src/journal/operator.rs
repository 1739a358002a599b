//! Who runs something, and where: the user's login name and the host name of this machine.

use std::ffi::OsString;
use std::fs;

/// A user on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The login name.
    pub user: String,
    /// The machine's host name.
    pub controller: String,
}

impl Operator {
    /// The user of this process.
    pub fn here() -> Self {
        let set = |name: &str| std::env::var_os(name).and_then(non_empty);
        let user = set("LOGNAME").or_else(|| set("USER")).or_else(|| {
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            login_name(&users, rustix::process::getuid().as_raw())
        });
        Self {
            user: user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string()),
            controller: controller(),
        }
    }
}

fn non_empty(value: OsString) -> Option<String> {
    value.into_string().ok().filter(|text| !text.is_empty())
}

/// The name that the kernel has, as `uname -n` prints it.
fn controller() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// The name of a user by number: cron and containers set no variable for it.
fn login_name(users: &str, number: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        (id == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n";
        assert_eq!(login_name(users, 1000).as_deref(), Some("ann"));
        assert_eq!(login_name(users, 0).as_deref(), Some("root"));
        assert_eq!(login_name(users, 7), None);
    }

    #[test]
    fn somebody_is_here() {
        let here = Operator::here();
        assert!(!here.user.is_empty());
        assert!(!here.controller.is_empty());
        assert!(!here.controller.contains(char::is_whitespace));
    }
}
