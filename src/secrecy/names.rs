//! Names of variables, parameters and keys whose values are secrets.
//!
//! A name counts by its end, so that `db_password` does and `password_length`, `token_ttl` and `secret_name` do not.

/// How such names end, in lower case.
const ENDINGS: [&str; 19] = [
    "_pass",
    "_pw",
    "access_key",
    "api_key",
    "apikey",
    "authorization",
    "client_key",
    "client_key_data",
    "client-key-data",
    "credentials",
    "encryption_key",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "private-key",
    "secret",
    "secret_key",
    "token",
];

/// Whether values under this name are secrets.
pub fn is_secret_name(name: &str) -> bool {
    // Nearly all names are none, and this is asked for each variable that is used.
    let Some(last) = name.bytes().last() else {
        return false;
    };
    if !matches!(
        last.to_ascii_lowercase(),
        b's' | b'w' | b'y' | b'n' | b'a' | b'e' | b'd' | b't'
    ) {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    lower == "pass" || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_by_its_end() {
        for name in [
            "ansible_password",
            "ansible_ssh_pass",
            "ansible_become_pass",
            "ansible_ssh_private_key_passphrase",
            "K3S_TOKEN",
            "dbPassword",
            "Authorization",
            "client-key-data",
            "pass",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "password_length",
            "token_ttl",
            "secret_name",
            "bypass",
            "ansible_user",
            "ansible_ssh_private_key_file",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
