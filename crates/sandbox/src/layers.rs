//! The layers of isolation by name, and whether each is active on this host.
//!
//! An essential layer that is missing stops the start unless the operator accepts its loss by name. Nothing here
//! makes a layer: the spawner reports what it could make.

use serde::{Deserialize, Serialize};

/// One layer of isolation and what became of it on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerStatus {
    /// The layer's name, as `accept_loss` takes it.
    pub name: String,
    /// Whether it protects every environment of this spawner.
    pub active: bool,
    /// How it is done, or why it is not.
    pub detail: String,
    /// Whether the spawner refuses to start without it.
    pub essential: bool,
}

/// The layers that can be lost, and whether the platform starts without them.
pub(crate) const NAMESPACES: (&str, bool) = ("namespaces", true);
pub(crate) const ID_RANGE: (&str, bool) = ("id-range", true);
pub(crate) const ROOT: (&str, bool) = ("read-only-root", true);
pub(crate) const PROC: (&str, bool) = ("private-proc", false);
pub(crate) const SECCOMP: (&str, bool) = ("seccomp", true);
pub(crate) const LANDLOCK: (&str, bool) = ("landlock", false);
pub(crate) const MEMORY: (&str, bool) = ("cgroup-memory", true);
pub(crate) const PIDS: (&str, bool) = ("cgroup-pids", true);
pub(crate) const CPU: (&str, bool) = ("cgroup-cpu", false);
pub(crate) const FREEZER: (&str, bool) = ("cgroup-freezer", false);

/// The names of all of them.
pub const LAYERS: [&str; 10] =
    [NAMESPACES.0, ID_RANGE.0, ROOT.0, PROC.0, SECCOMP.0, LANDLOCK.0, MEMORY.0, PIDS.0, CPU.0, FREEZER.0];

impl LayerStatus {
    /// The layer works.
    pub(crate) fn active(layer: (&str, bool), detail: impl Into<String>) -> Self {
        Self { name: layer.0.to_owned(), active: true, detail: detail.into(), essential: layer.1 }
    }

    /// The layer does not exist on this host.
    pub(crate) fn missing(layer: (&str, bool), detail: impl Into<String>) -> Self {
        Self { name: layer.0.to_owned(), active: false, detail: detail.into(), essential: layer.1 }
    }
}

/// The essential layers that are missing and not accepted.
pub(crate) fn unacceptable(layers: &[LayerStatus], accepted: &[String]) -> Vec<LayerStatus> {
    let lost = |layer: &&LayerStatus| layer.essential && !layer.active && !accepted.contains(&layer.name);
    layers.iter().filter(lost).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_loss_of_an_essential_layer_is_accepted() {
        let layers = [
            LayerStatus::active(NAMESPACES, ""),
            LayerStatus::missing(MEMORY, "not mounted"),
            LayerStatus::missing(LANDLOCK, "not in this kernel"),
        ];
        assert_eq!(unacceptable(&layers, &[]).len(), 1);
        assert_eq!(unacceptable(&layers, &["landlock".to_owned()]).len(), 1);
        assert_eq!(unacceptable(&layers, &["cgroup-memory".to_owned()]).len(), 0);
    }
}
