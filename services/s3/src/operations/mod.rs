//! The operations: one file a subject.
//!
//! A handler has a permit; what is looked up before that was given is the access functions' business.

pub(crate) mod acl;
pub(crate) mod buckets;
pub(crate) mod complete;
pub(crate) mod configuration;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod multipart;
pub(crate) mod policy;
pub(crate) mod put;
pub(crate) mod tagging;
pub(crate) mod uploads;
pub(crate) mod versions;
