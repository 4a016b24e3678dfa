//! CloudFormation and SAM templates: parse, transform, plan. Pure.
//!
//! Does no I/O, knows no store and calls no service. What it does not understand is an error that names it: nothing in a
//! template is dropped silently. [`Document`] is text to a tree, [`sam`] turns the serverless shorthand of a tree into plain
//! CloudFormation, [`Template`] reads the sections, and [`Plan`] says what is to exist and in which order.

mod document;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod intrinsic;
pub mod limits;
pub mod parameter;
mod plan;
pub mod sam;
mod scope;
mod template;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use error::TemplateError;
pub use intrinsic::Resources;
pub use plan::{Plan, ResolvedOutput};
pub use scope::{Pseudo, Scope};
pub use template::{Output, Resource, Template};
