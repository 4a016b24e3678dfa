//! Drift: how far resources are from what their templates say.
//!
//! Changes nothing but what is known of it. Knows no resource type: each tells how it is read and compared.

mod attached;
mod check;
mod compare;
mod detect;
mod stored;

pub(crate) use check::Checker;
pub(crate) use compare::{Rules, differences};
pub(crate) use detect::{begin, resume, start};
#[cfg(test)]
pub(crate) use stored::save_detection;
pub(crate) use stored::{detection, drifts, of_stack, save_drift};
