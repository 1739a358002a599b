//! From the versions that run to the version that is wanted: the hops between them.

use super::{Component, Minor, Rules};
use crate::kubernetes::Version;

/// One step of the control plane, and whether the kubelets follow before the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The version that the control plane goes to.
    pub version: Version,
    /// The kubelets go to it too, after the whole control plane.
    pub kubelets: bool,
}

/// The hops, in order; empty when everything is at the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// In order.
    pub hops: Vec<Hop>,
}

/// Why there is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something is newer than the target.
    #[error("{component} {from} is newer than the target {to} (rule {rule})")]
    Downgrade {
        /// What is newer.
        component: Component,
        /// Its version.
        from: String,
        /// The target.
        to: String,
        /// The rule's id.
        rule: String,
    },
    /// One of the hops has no version to go to.
    #[error("{from} to {to} leads over {missing}, and no version of it is at hand (rule {rule})")]
    NoVersion {
        /// The oldest API server.
        from: String,
        /// The target.
        to: String,
        /// The minor that is missing.
        missing: Minor,
        /// The rule's id.
        rule: String,
    },
    /// A kubelet is so old that the control plane must not move before it.
    #[error(
        "{component} {kubelet} is too old for {to}, and cannot be brought nearer first (rule {rule})"
    )]
    KubeletTooOld {
        /// `kubelet` or `k3s-agent`.
        component: Component,
        /// Its version.
        kubelet: String,
        /// The version of the control plane that it must not meet.
        to: String,
        /// The rule's id.
        rule: String,
    },
    /// Versions that do not belong to one line of releases: another major version, or k3s and not k3s.
    #[error("{from} and {to} are not versions of the same thing")]
    Unrelated {
        /// What runs.
        from: String,
        /// The target.
        to: String,
    },
    /// No version of an API server is known.
    #[error("no API server's version is known")]
    NothingKnown,
}

impl Refusal {
    /// The id of the rule that stands in the way, where it is a rule.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Downgrade { rule, .. }
            | Self::NoVersion { rule, .. }
            | Self::KubeletTooOld { rule, .. } => Some(rule),
            Self::Unrelated { .. } | Self::NothingKnown => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Downgrade { .. } => {
                "going back is `windlass rollback`, or a restored snapshot".to_owned()
            }
            Self::NoVersion { missing, .. } => format!(
                "put the binaries of a {missing} release beside the target's, or name one in `kube_hop_versions`"
            ),
            Self::KubeletTooOld { component, .. } => {
                format!(
                    "upgrade this {component} by itself to the version of the API servers first"
                )
            }
            Self::Unrelated { .. } => "check `kube_version` or `k3s_version`".to_owned(),
            Self::NothingKnown => "an API server must be reachable to plan from".to_owned(),
        }
    }
}

/// The two components that a path moves.
struct Plane {
    server: Component,
    node: Component,
}

impl Plane {
    fn of(target: &Version) -> Self {
        let (server, node) = Component::plane_of(target);
        Self { server, node }
    }
}

/// `k3s` of `v1.35.1+k3s1`; empty for a release of Kubernetes itself.
fn flavour(version: &Version) -> &str {
    version
        .build
        .trim_end_matches(|each: char| each.is_ascii_digit())
}

impl Rules {
    /// The hops from the API servers' versions `from` to `to`, with the kubelets following when they must and at the end.
    ///
    /// `from` is what the API servers run, mixed versions too: an interrupted run is continued. `via` holds the versions
    /// that the user has binaries of; a hop goes to the newest release of its minor among them. Kubelets whose versions are
    /// not known are taken to be as old as the oldest API server.
    pub fn path(
        &self,
        from: &[Version],
        to: &Version,
        kubelets: &[Version],
        via: &[Version],
    ) -> Result<Path, Refusal> {
        let plane = Plane::of(to);
        let (Some(oldest), Some(newest)) = (from.iter().min(), from.iter().max()) else {
            return Err(Refusal::NothingKnown);
        };
        self.refuse_unfit(&plane, newest, to, kubelets)?;
        for version in from.iter().chain(kubelets) {
            if flavour(version) != flavour(to) || version.major != to.major {
                return Err(Refusal::Unrelated {
                    from: version.to_string(),
                    to: to.to_string(),
                });
            }
        }
        if from.iter().chain(kubelets).all(|version| version == to) {
            return Ok(Path::default());
        }
        let mut hops = self.walk(&plane, oldest, newest, to, via)?;
        let kubelet = kubelets.iter().min().unwrap_or(oldest).clone();
        self.let_kubelets_follow(&plane, (oldest, newest), kubelet, via, &mut hops)?;
        Ok(Path { hops })
    }

    /// Refuses what is newer than the target.
    fn refuse_unfit(
        &self,
        plane: &Plane,
        newest: &Version,
        to: &Version,
        kubelets: &[Version],
    ) -> Result<(), Refusal> {
        let kubelet = kubelets.iter().max().map(|version| (plane.node, version));
        for (component, version) in std::iter::once((plane.server, newest)).chain(kubelet) {
            if version > to && flavour(version) == flavour(to) {
                return Err(Refusal::Downgrade {
                    component,
                    from: version.to_string(),
                    to: to.to_string(),
                    rule: self.hop_id(component),
                });
            }
        }
        Ok(())
    }

    fn hop_id(&self, component: Component) -> String {
        self.hop_rule(component)
            .map(|rule| rule.cite.id.clone())
            .unwrap_or_default()
    }

    /// The control plane's way up, as far as a hop may go each time.
    fn walk(
        &self,
        plane: &Plane,
        oldest: &Version,
        newest: &Version,
        to: &Version,
        via: &[Version],
    ) -> Result<Vec<Hop>, Refusal> {
        let stride = self
            .hop_rule(plane.server)
            .map_or(1, |rule| rule.minors.max(1).unsigned_abs());
        let mut hops = Vec::new();
        let mut at = oldest.minor;
        while at < to.minor {
            let reach = at.saturating_add(stride).min(to.minor);
            let next = if reach == to.minor {
                Some(to.clone())
            } else {
                (at + 1..=reach)
                    .rev()
                    .find_map(|minor| pick(minor, newest, to, via))
            };
            let Some(next) = next else {
                return Err(Refusal::NoVersion {
                    from: oldest.to_string(),
                    to: to.to_string(),
                    missing: Minor {
                        major: to.major,
                        minor: reach,
                    },
                    rule: self.hop_id(plane.server),
                });
            };
            at = next.minor;
            hops.push(Hop {
                version: next,
                kubelets: false,
            });
        }
        if hops.is_empty() {
            hops.push(Hop {
                version: to.clone(),
                kubelets: false,
            });
        }
        Ok(hops)
    }

    /// Marks the hops after which kubelets must follow, since the next one would leave them too far behind; and the last.
    fn let_kubelets_follow(
        &self,
        plane: &Plane,
        (oldest, newest): (&Version, &Version),
        mut kubelet: Version,
        via: &[Version],
        hops: &mut Vec<Hop>,
    ) -> Result<(), Refusal> {
        let mut at = 0;
        while at < hops.len() {
            let version = hops[at].version.clone();
            if let Some(rule) = self.too_old(plane, &kubelet, &version) {
                let too_old = || Refusal::KubeletTooOld {
                    component: plane.node,
                    kubelet: kubelet.to_string(),
                    to: version.to_string(),
                    rule,
                };
                if at > 0 && hops[at - 1].version > kubelet {
                    hops[at - 1].kubelets = true;
                    kubelet = hops[at - 1].version.clone();
                } else if at == 0
                    && oldest == newest
                    && kubelet < *oldest
                    && via.contains(oldest)
                    && self.too_old(plane, &kubelet, oldest).is_none()
                {
                    // Before the control plane moves at all, the kubelets come up to it.
                    hops.insert(
                        0,
                        Hop {
                            version: oldest.clone(),
                            kubelets: true,
                        },
                    );
                    kubelet = oldest.clone();
                    at = 1;
                } else {
                    return Err(too_old());
                }
                continue;
            }
            at += 1;
        }
        if let Some(last) = hops.last_mut() {
            last.kubelets = true;
        }
        Ok(())
    }

    /// The rule by which a kubelet is too old beside a control plane at `version`.
    fn too_old(&self, plane: &Plane, kubelet: &Version, version: &Version) -> Option<String> {
        let rule = self.window(plane.node, kubelet, plane.server)?;
        let behind = kubelet.minors_to(version)?;
        (behind > rule.older).then(|| rule.cite.id.clone())
    }
}

/// The newest release of `minor` at hand, candidates only where there is no release; never older than an API server of it.
fn pick(minor: u64, newest: &Version, to: &Version, via: &[Version]) -> Option<Version> {
    via.iter()
        .filter(|version| {
            version.major == to.major
                && version.minor == minor
                && flavour(version) == flavour(to)
                && (newest.minor != minor || *version >= newest)
        })
        .max_by(|one, other| {
            one.pre
                .is_empty()
                .cmp(&other.pre.is_empty())
                .then_with(|| one.cmp(other))
        })
        .cloned()
}
