//! What policies and templates grant, told before it happens.
//!
//! Reading order: [`json`] (a document with the place of everything in it), then what looks at it. Pure: text in,
//! findings out. It decides about no request (that is `policy`'s), knows no store and no service; what it cannot decide
//! it says, and never calls harmless.

pub mod access;
#[doc(hidden)]
pub mod fuzz;
pub mod glob;
pub mod json;
pub mod least;
mod resource;
pub mod shared_providers;
pub mod template;
pub mod unused;
pub mod usage;
pub mod validate;
