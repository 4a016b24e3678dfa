//! The handlers, one file a subject.

pub(crate) mod account;
pub(crate) mod aliases;
pub(crate) mod code;
pub(crate) mod code_signing;
pub(crate) mod concurrency;
pub(crate) mod create;
pub(crate) mod event_config;
pub(crate) mod functions;
pub(crate) mod invoke;
pub(crate) mod invoke_streaming;
pub(crate) mod layer_permissions;
pub(crate) mod layers;
pub(crate) mod mappings;
pub(crate) mod object;
pub(crate) mod page;
pub(crate) mod permissions;
pub(crate) mod provisioned;
pub(crate) mod recursion;
pub(crate) mod runtime_management;
pub(crate) mod shape;
pub(crate) mod tags;
pub(crate) mod update;
pub(crate) mod urls;
pub(crate) mod versions;

use std::sync::Arc;

use service::{Call, Permit};

use crate::Lambda;
use crate::catalog::{Function, Loaded};
use crate::error::Error;
use crate::model::name::{FunctionId, Target};

/// The function that a caller named; called by handlers only, behind the decision.
pub(crate) fn target(call: &Call, name: &str, qualifier: Option<&str>) -> Result<Target, Error> {
    Target::parse(name, qualifier, call.account(), call.region())
}

/// The function, or the error that it does not exist.
pub(crate) fn existing(lambda: &Lambda, target: &Target) -> Result<Arc<Loaded>, Error> {
    lambda.catalog.get(&target.id).ok_or_else(|| not_found(&target.arn()))
}

/// The same for an answer that shows it, where the caller's leave holds for what is there by then.
pub(crate) fn shown(lambda: &Lambda, call: &Call, target: &Target) -> Result<Arc<Loaded>, Error> {
    let found = existing(lambda, target);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    found
}

/// The same within a change.
pub(crate) fn stored<'f>(
    function: &'f mut Option<Function>,
    id: &FunctionId,
) -> Result<&'f mut Function, Error> {
    function.as_mut().ok_or_else(|| not_found(&id.arn()))
}

pub(crate) fn not_found(arn: &str) -> Error {
    Error::ResourceNotFound(format!("Function not found: {arn}"))
}

/// The error for a version or an alias that does not exist.
pub(crate) fn missing(target: &Target, qualifier: &str) -> Error {
    if qualifier.bytes().all(|byte| byte.is_ascii_digit()) {
        return not_found(&target.arn());
    }
    Error::ResourceNotFound(format!("Cannot find alias arn: {}", target.arn()))
}

/// Refuses a revision that is not the latest one.
pub(crate) fn check_revision(asked: Option<&str>, latest: &str, api: &str) -> Result<(), Error> {
    match asked {
        Some(asked) if asked != latest => Err(Error::PreconditionFailed(format!(
            "The Revision Id provided does not match the latest Revision Id. Call the {api} API to retrieve the \
             latest Revision Id"
        ))),
        _ => Ok(()),
    }
}

/// The APIs that tell the latest revision of a function, a version or an alias.
pub(crate) const FUNCTION_API: &str = "GetFunction/GetAlias";

/// A new revision's id.
pub(crate) fn revision() -> String {
    crypto::random::uuid()
}

/// The parts of a permit.
pub(crate) fn parts<O: protocol::Operation>(permit: Permit<O>) -> (O::Input, Call) {
    (permit.input, permit.call)
}
