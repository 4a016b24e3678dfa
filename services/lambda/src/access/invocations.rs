//! What invocations need leave for, by what memory holds: they change nothing of a function, and wait for no record.

use service::{Access, AccessRequest};

use super::{Outcome, url_keys};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::Target;

/// An action on a named function, version or alias, with the resource policy it has in memory.
fn on_loaded<I>(
    lambda: &Lambda,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(Access, Target), Error> {
    let target = Target::parse(name, qualifier, request.account, request.region)?;
    let mut access = Access::to(action, target.arn()).owned_by(target.id.account);
    if !request.sees(target.id.account) {
        return Ok((access, target));
    }
    access = access.resource_policy(lambda.catalog.policy(&target.id, target.qualifier.as_deref()));
    if let Some(loaded) = lambda.catalog.get(&target.id) {
        let tags = &loaded.function.record.tags;
        access = access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    Ok((access, target))
}

// SECURITY: through a URL, both the URL's and the function's own action are needed, each with the keys that say so.
pub(crate) fn invoke(lambda: &Lambda, request: &AccessRequest<'_, api::InvocationRequest>) -> Outcome {
    let input = request.input;
    invocation(lambda, request, &input.function_name, input.qualifier.as_deref())
}

pub(crate) fn invoke_streaming(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::InvokeWithResponseStreamRequest>,
) -> Outcome {
    let input = request.input;
    invocation(lambda, request, &input.function_name, input.qualifier.as_deref())
}

fn invocation<I>(
    lambda: &Lambda,
    request: &AccessRequest<'_, I>,
    name: &str,
    qualifier: Option<&str>,
) -> Outcome {
    let (invoke, target) = on_loaded(lambda, request, "lambda:InvokeFunction", name, qualifier)?;
    let Some(auth) = request.source.function_url else { return Ok(invoke) };
    let (through_url, _) = on_loaded(lambda, request, "lambda:InvokeFunctionUrl", name, qualifier)?;
    let through_url = url_keys(through_url, Some(auth), &target);
    Ok(through_url.and(invoke.when("lambda:InvokedViaFunctionUrl", ["true"])))
}
