//! Logs and audit: write path and queries.
