//! Queries over the audit trail.
