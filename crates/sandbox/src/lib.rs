//! Isolation: namespaces, cgroups, seccomp, mounts. All unsafe code lives here.
