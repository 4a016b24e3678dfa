//! The rules of Lambda's domain: names, settings, permissions, aliases, versions.
//!
//! No I/O, no wire: plain values in, plain values or an error of the API out.

pub(crate) mod alias;
pub(crate) mod destination;
pub(crate) mod event_config;
pub(crate) mod layer;
pub(crate) mod logging;
pub(crate) mod mapping;
pub(crate) mod name;
pub(crate) mod pattern;
pub(crate) mod permission;
pub(crate) mod settings;
pub(crate) mod signing;
pub(crate) mod tagged;
pub(crate) mod tags;
pub(crate) mod trace;
