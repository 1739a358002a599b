//! A kubeconfig on the controller, for clusters whose API is asked without SSH.
//!
//! The user names it as `controller:PATH`. It is read by the same allow-list as one from a host: what runs a program of its
//! own (`exec`) is refused here too, since a run must not depend on a login that ends half-way.

use super::{ClusterError, Dial};
use crate::connection::{Connection, ConnectionError, Local};
use crate::shell::Become;
use async_trait::async_trait;
use std::sync::Arc;

/// What stands before the path of a kubeconfig on the controller.
const PREFIX: &str = "controller:";
/// What messages call the controller.
pub(super) const NAME: &str = "the controller";

/// Reaches the controller itself, whatever host is named.
pub(super) struct Here;

#[async_trait]
impl Dial for Here {
    async fn connection(
        &self,
        _: &str,
    ) -> Result<(Arc<dyn Connection>, Option<Become>), ConnectionError> {
        Ok((Arc::new(Local::default()), None))
    }
}

/// The path on the controller, when `kubeconfig` names one there; `~/` is the user's home.
pub(super) fn path(kubeconfig: &str) -> Result<Option<String>, ClusterError> {
    let Some(path) = kubeconfig.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let found = match path.strip_prefix("~/") {
        None => Some(path.to_owned()),
        Some(rest) => std::env::home_dir().map(|home| home.join(rest).display().to_string()),
    };
    match found.filter(|path| path.starts_with('/')) {
        Some(path) => Ok(Some(path)),
        None => Err(ClusterError::Invalid(format!(
            "the kubeconfig {kubeconfig} needs an absolute path after {PREFIX}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_the_controller_are_told_from_those_on_hosts() {
        for (given, expected) in [
            ("/etc/kubernetes/admin.conf", Some(None)),
            ("../../etc/kubernetes/admin.conf", Some(None)),
            ("controller:/home/me/config", Some(Some("/home/me/config"))),
            ("controller:config", None),
            ("controller:", None),
        ] {
            let found = path(given);
            let found = found.as_ref().ok().map(Option::as_deref);
            assert_eq!(found, expected, "{given}");
        }
    }
}
