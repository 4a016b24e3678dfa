//! Ordered tables and serializable transactions on an embedded engine.
