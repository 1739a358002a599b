//! Becoming another user: sudo, su, doas.

use super::quote;
use std::fmt;

/// How to become another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// `sudo -n`, or `sudo -S` with a password.
    #[default]
    Sudo,
    /// `su USER -c`. A password works where su reads it from standard input and asks in English.
    Su,
    /// `doas -n -u USER`.
    Doas,
}

impl Method {
    /// The method that Ansible calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sudo" => Some(Self::Sudo),
            "su" => Some(Self::Su),
            "doas" => Some(Self::Doas),
            _ => None,
        }
    }
}

/// Whom to become, and how.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Become {
    /// The user to become.
    pub user: String,
    /// By which program.
    pub method: Method,
    /// The program's path, when it is not the usual one.
    pub executable: Option<String>,
    /// More options for the program, as one string of shell words.
    pub flags: Option<String>,
    /// The password that the program asks for.
    pub password: Option<String>,
}

impl fmt::Debug for Become {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Become({:?} to {})", self.method, self.user)
    }
}

impl Become {
    /// A command line that runs `command` (one shell command line) as the other user through `sh -c`.
    ///
    /// With a password, sudo reads it as the first line of standard input.
    pub fn wrap(&self, command: &str) -> String {
        self.wrap_prompting(command, "")
    }

    /// The same, with the text that sudo prints on standard error when it wants the password. Write the password only
    /// then: sudo may not ask, and the line would reach the command.
    pub fn wrap_prompting(&self, command: &str, prompt: &str) -> String {
        let flags = self.flags.as_deref().unwrap_or("");
        let space = if flags.is_empty() { "" } else { " " };
        let user = quote(&self.user);
        let program = |usual: &str| quote(self.executable.as_deref().unwrap_or(usual));
        let command = quote(command);
        match self.method {
            Method::Sudo => {
                let ask = if self.password.is_some() {
                    format!("-S -p {}", quote(prompt))
                } else {
                    "-n".to_owned()
                };
                format!(
                    "{} -H {ask}{space}{flags} -u {user} /bin/sh -c {command}",
                    program("sudo"),
                )
            }
            Method::Su => format!(
                "{}{space}{flags} {user} -s /bin/sh -c {command}",
                program("su"),
            ),
            Method::Doas => format!(
                "{} -n{space}{flags} -u {user} /bin/sh -c {command}",
                program("doas"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_asks_for_a_password_only_when_there_is_one() {
        let mut who = Become {
            user: "root".to_owned(),
            method: Method::Sudo,
            executable: None,
            flags: None,
            password: None,
        };
        assert_eq!(who.wrap("id -u"), "sudo -H -n -u root /bin/sh -c 'id -u'");
        who.password = Some("secret".to_owned());
        assert_eq!(
            who.wrap("id -u"),
            "sudo -H -S -p '' -u root /bin/sh -c 'id -u'"
        );
        assert!(!format!("{who:?}").contains("secret"));
    }
}
