//! Isolation: turns an [`EnvironmentSpec`] into a running process that can reach three doors and nothing else.
//!
//! Knows no AWS service, no Runtime API and no HTTP: it makes namespaces, limits and listeners, and reports how a
//! process ended. It never runs customer code in the calling process, and the calling process makes none but one: a small
//! single-threaded *spawner* (this same program, executed again) makes every sandbox and takes all of them with it
//! when it or its parent dies. Where it dies alone, another one is started.
//!
//! Life of an environment: [`Spawner::launch`] sends the spec to the spawner; that one opens the mounts and the
//! cgroups (as the host's root), clones a child into fresh namespaces, writes its id maps; the child builds its
//! root from what it was handed, opens the doors, gives up everything, and executes the runtime.

mod caller;
mod catalog;
mod cgroup;
mod child;
mod environment;
mod ids;
mod image;
mod imported;
mod layers;
mod memory;
mod message;
mod seccomp;
mod spawner;
mod spec;
mod supervisor;
mod sys;

pub use caller::{CALLER, Caller};
pub use catalog::{
    HostRuntime, ImportedRoot, NODE_BOOTSTRAP, PYTHON_BOOTSTRAP, RuntimeKind, compile_bootstrap,
    exact_runtime_for, identifiers, runtime_catalog, runtime_for,
};
pub use environment::{Assigning, Environment, Exit, ExitStatus};
pub use layers::{LAYERS, LayerStatus};
pub use spawner::{LaunchError, Spawner, SpawnerOptions, StartError};
pub use spec::{
    AUTHORITIES, AWS_API_PORT, Assignment, Bind, Companion, CpuShare, EGRESS_PORT, EnvironmentSpec,
    InvalidSpec, PLATFORM_HOST, Program, RUNTIME_API_PORT, SECURE_API_PORT, VCPU_MEMORY_MIB,
};

/// Parsers that meet bytes from elsewhere, for the fuzzer.
#[doc(hidden)]
pub mod fuzz {
    pub use crate::message::fuzz_request;
}

/// Called first thing in `main()`: if this process was executed as the spawner, it runs it and never returns.
///
/// SECURITY: nothing may run before it, so that the spawner stays single-threaded and holds no state of the server.
pub fn run_if_spawner() {
    if supervisor::is_spawner() {
        supervisor::run();
    }
}
