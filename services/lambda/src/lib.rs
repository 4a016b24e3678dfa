//! Functions, versions, aliases, permissions, invoke.
