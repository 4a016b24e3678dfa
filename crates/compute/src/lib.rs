//! Environment pools, invoke, the Runtime API.
