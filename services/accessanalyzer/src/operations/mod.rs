//! The handlers, by what they are about.

pub(crate) mod analyzers;
pub(crate) mod archive_rules;
pub(crate) mod findings;
pub(crate) mod findings_v2;
pub(crate) mod generation;
pub(crate) mod previews;
pub(crate) mod recommendations;
pub(crate) mod resources;
pub(crate) mod statistics;
pub(crate) mod tagging;
