//! CloudFormation and SAM templates: parse, transform, plan. Pure.
//!
//! Does no I/O, knows no store and calls no service. What it does not understand is an error that names it: nothing in a
//! template is dropped silently. [`Document`] is text to a tree, [`sam`] turns the serverless shorthand of a tree into plain
//! CloudFormation, [`Macros`] runs all that a template's `Transform` names, [`Template`] reads the sections, and [`Plan`] says what is to exist and in which order.

mod derived;
mod document;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod include;
mod intrinsic;
mod language;
pub mod limits;
mod macros;
mod nulls;
pub mod parameter;
pub mod pattern;
mod plan;
mod references;
mod rules;
pub mod sam;
mod scope;
mod template;
#[cfg(test)]
mod tests;

pub use derived::IsSecret;
pub use document::{Document, Place};
pub use error::TemplateError;
pub use include::{
    Includes, NAME as INCLUDE, NoIncludes, failed as include_failed, wanted as include_wanted,
};
pub use intrinsic::Resources;
pub use macros::Macros;
pub use nulls::check as check_nulls;
pub use plan::{Plan, ResolvedOutput};
pub use scope::{Pseudo, Scope};
pub use template::{Output, Resource, Template};
