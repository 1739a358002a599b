//! Files of variables, plain or encrypted as a whole, and what in them is a secret from the start.

use super::{Variable, Variables};
use crate::secrecy::{Secrets, is_secret_name};
use crate::source::{Diagnostic, SourceFile, Span};
use crate::vault::{Vault, is_vaulted};
use crate::yaml::{Mapping, Node, NodeKind};
use std::path::Path;
use std::sync::Arc;

/// The text of a file of variables, opened where it is vaulted; then it is hidden in messages. None when it is no UTF-8.
///
/// The error names the file and the vault ids that were tried.
pub fn variable_source(
    path: &Path,
    content: Vec<u8>,
    vault: &Vault,
) -> Result<Option<Arc<SourceFile>>, Box<Diagnostic>> {
    let vaulted = is_vaulted(&content);
    let content = vault.file(content).map_err(|error| {
        let header = SourceFile::new(path, "$ANSIBLE_VAULT");
        Box::new(
            Diagnostic::error("vault", error.to_string())
                .at(
                    &Span::new(header, 0, 14),
                    "the file is encrypted as a whole",
                )
                .hint(error.hint()),
        )
    })?;
    Ok(String::from_utf8(content).ok().map(|text| {
        if vaulted {
            SourceFile::hidden(path, text)
        } else {
            SourceFile::new(path, text)
        }
    }))
}

/// Teaches `secrets` what in a file of variables must not be shown: every text of an encrypted file, and in a plain one
/// what stands under names such as `db_password`. Inline vaulted values are learned when they are opened.
pub fn learn(document: &Node, secrets: &Secrets) {
    let hidden = document.span.source().is_hidden();
    document.walk(&mut |node| {
        if let NodeKind::Mapping(mapping) = &node.kind {
            learn_named(mapping, hidden, secrets);
        }
        if let (true, NodeKind::String(text)) = (hidden, &node.kind) {
            learn_hidden(&text.text, secrets);
        }
    });
}

/// The same for variables that an inventory itself gives.
pub fn learn_variables(variables: &Variables, secrets: &Secrets) {
    for (name, variable) in variables {
        if let Variable::Source(node) = variable {
            learn(node, secrets);
            learn_entry(name, node, secrets);
        }
    }
}

fn learn_named(mapping: &Mapping, hidden: bool, secrets: &Secrets) {
    for (key, value) in mapping {
        match (key.as_str(), value.as_str()) {
            (Some(name), Some(text)) if hidden && is_secret_name(name) && !text.contains("{{") => {
                secrets.learn(text);
            }
            (Some(name), _) => learn_entry(name, value, secrets),
            (None, _) => {}
        }
    }
}

fn learn_entry(name: &str, value: &Node, secrets: &Secrets) {
    if is_secret_name(name) && matches!(value.kind, NodeKind::String(_) | NodeKind::Int(_)) {
        secrets.learn_named(name, &value.key_text());
    }
}

/// Of a template only what is no code can be a secret.
fn learn_hidden(text: &str, secrets: &Secrets) {
    if !text.contains("{{") && !text.contains("{%") {
        secrets.learn_setting(text);
        return;
    }
    for part in text.split("{{") {
        let plain = part.split_once("}}").map_or(part, |(_, rest)| rest);
        if !plain.contains("{%") {
            secrets.learn_likely(plain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn knows(source: &Arc<SourceFile>) -> Secrets {
        let secrets = Secrets::default();
        learn(&yaml::parse(source).unwrap()[0], &secrets);
        secrets
    }

    const TEXT: &str = "db_password: hunter22\nkube_version: v1.35.1\nunit: kubelet\nplain: open-text\nnested: [{api_token: Kx81mmQ0}]\nurl: '{{ x }}-S3cretTail'\n";

    #[test]
    fn a_plain_file_has_secrets_under_their_names() {
        let secrets = knows(&SourceFile::new("v.yml", TEXT));
        assert_eq!(
            secrets.text("hunter22 open-text Kx81mmQ0 -S3cretTail"),
            "******** open-text ******** -S3cretTail"
        );
    }

    #[test]
    fn all_values_of_an_encrypted_file_are_secrets() {
        let secrets = knows(&SourceFile::hidden("v.yml", TEXT));
        assert_eq!(
            secrets.text("v1.35.1 kubelet plain hunter22 open-text Kx81mmQ0 -S3cretTail"),
            "v1.35.1 kubelet plain ******** ******** ******** ********"
        );
    }

    #[test]
    fn a_file_that_stays_closed_is_named() {
        let content = b"$ANSIBLE_VAULT;1.1;AES256\n30310a30320a3033\n".to_vec();
        let error = variable_source(Path::new("group_vars/all.yml"), content, &Vault::default())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "group_vars/all.yml:1:1: it is vaulted, and no vault password is given"
        );
    }
}
