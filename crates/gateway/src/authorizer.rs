//! Callers whom a function tells apart: asked with a token or the whole request, answering with a policy.
//!
//! An answer counts for as long as its authorizer says, for the same identity and for nothing else. What its policy says of a
//! call is weighed with the API's own policy; who gives no identity, or whom the function does not know, is not let in.

mod cache;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use identity::Principal;
use percent_encoding::percent_decode_str;
use policy::{Context, PolicySet, PrincipalKind, PrincipalView, Request};
use serde_json::{Value, json};

use crate::authorize::{Denied, Question};
use crate::function::Target;
use crate::records::{Authorizer, AuthorizerKind, IdentitySource};
use crate::refusal::Refusal;

pub(crate) use cache::Cache;
pub(crate) use verdict::{Answer, Verdict, fuzz_answer};

/// How long a function may take to say who calls.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(29);
/// The longest identity that is taken, in bytes over all its parts.
const IDENTITY_BYTES_MAX: usize = 16 * 1_024;

/// Where the parts of an identity come from.
pub(crate) struct Sources<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a str,
    pub(crate) variables: &'a std::collections::BTreeMap<String, String>,
    pub(crate) context: &'a Value,
}

/// The identity that a request gives; `None` where a part of it is missing or empty, so that nobody is asked.
pub(crate) fn identity_of(authorizer: &Authorizer, sources: &Sources<'_>) -> Option<Vec<String>> {
    let mut bytes = 0;
    let mut parts = Vec::with_capacity(authorizer.identity.len());
    for source in &authorizer.identity {
        let part = part(source, sources).filter(|part| !part.is_empty())?;
        bytes += part.len();
        parts.push(part);
    }
    (bytes <= IDENTITY_BYTES_MAX).then_some(parts)
}

fn part(source: &IdentitySource, sources: &Sources<'_>) -> Option<String> {
    match source {
        IdentitySource::Header(name) => sources.headers.get(name)?.to_str().ok().map(str::to_owned),
        IdentitySource::Query(name) => {
            let pairs = sources.query.split('&').filter_map(|pair| pair.split_once('='));
            let mut found =
                pairs.filter(|(key, _)| percent_decode_str(key).decode_utf8_lossy() == name.as_str());
            found.next().map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
        }
        IdentitySource::Variable(name) => sources.variables.get(name).cloned(),
        IdentitySource::Context(path) => {
            let found = path.split('.').try_fold(sources.context, |value, name| value.get(name))?;
            found.as_str().map(str::to_owned)
        }
    }
}

/// Who calls, as the method's authorizer says; `request` is the event that the integration would get.
///
/// # Errors
/// The request gives no identity, the function lets nobody in, or what it said does not allow this call.
pub(crate) async fn ask(question: &Question<'_>, request: Value) -> Result<Verdict, Denied> {
    let (stage, now) = (question.stage, question.now);
    let id = question.method.authorizer.as_deref().unwrap_or_default();
    let Some(authorizer) = stage.deployment.api.authorizers.get(id) else {
        return Err(nobody(Refusal::authorizer_failed(), "the method's authorizer is not there"));
    };
    let sources = Sources {
        headers: &question.head.headers,
        query: question.head.uri.query().unwrap_or_default(),
        variables: &stage.record.variables,
        context: request.get("requestContext").unwrap_or(&Value::Null),
    };
    let identity = identity_of(authorizer, &sources);
    let identity =
        identity.ok_or_else(|| nobody(Refusal::unauthorized(), "the request gives no identity"))?;
    if let Some(pattern) = stage.validations.get(id)
        && !identity.first().is_some_and(|token| pattern.is_match(token))
    {
        return Err(nobody(Refusal::unauthorized(), "the token is not of the form that is asked for"));
    }
    let remembers = authorizer.ttl_secs > 0 && !identity.is_empty();
    let known = if remembers { stage.callers.get(id, &identity, now) } else { None };
    let verdict = match known {
        Some(verdict) => verdict,
        None => {
            let asked = self::question(authorizer.kind, &question.resource(), &identity, request);
            let verdict = asked_of_function(question, (id, authorizer), &asked).await?;
            if remembers {
                let until = now.plus_secs(authorizer.ttl_secs.into());
                stage.callers.put(id, &identity, verdict.clone(), until, now);
            }
            verdict
        }
    };
    question.vouched(&verdict)?;
    Ok(verdict)
}

async fn asked_of_function(
    question: &Question<'_>,
    (id, authorizer): (&str, &Authorizer),
    asked: &Value,
) -> Result<Verdict, Denied> {
    let stage = &question.stage.record;
    let (region, account, api) = (question.pipeline.region(), stage.account, &stage.rest_api_id);
    let target = Target {
        pipeline: question.pipeline,
        function: &authorizer.function,
        credentials: &authorizer.credentials,
        variables: &stage.variables,
        caller: None,
        source_arn: format!("arn:aws:execute-api:{region}:{account}:{api}/authorizers/{id}"),
        source_account: account,
        source: question.source,
        timeout: TIME_MAX,
        now: question.now,
    };
    let answered = target.ask(asked.to_string().into_bytes()).await;
    let failed = |why: &'static str| {
        tracing::warn!(api, authorizer = authorizer.name, why, "an authorizer lets nobody in");
        nobody(Refusal::authorizer_failed(), why)
    };
    let (payload, is_error) = answered.map_err(|_| failed("its function could not be called"))?;
    match Answer::read(&payload, is_error) {
        Answer::Caller(verdict) => Ok(verdict),
        Answer::Unauthorized => Err(nobody(Refusal::unauthorized(), "its function said Unauthorized")),
        Answer::Malformed(why) => Err(failed(why)),
    }
}

/// A refusal of someone who was not told apart from anyone.
fn nobody(refusal: Refusal, reason: &str) -> Denied {
    Denied::unproven(refusal, Arc::new(Principal::Anonymous), reason)
}

/// What the function is asked. `request` is the event that the integration would get.
pub(crate) fn question(kind: AuthorizerKind, method_arn: &str, identity: &[String], request: Value) -> Value {
    match (kind, request) {
        (AuthorizerKind::Request, Value::Object(mut request)) => {
            request.remove("body");
            request.remove("isBase64Encoded");
            request.insert("type".to_owned(), "REQUEST".into());
            request.insert("methodArn".to_owned(), method_arn.into());
            Value::Object(request)
        }
        _ => json!({
            "type": "TOKEN", "methodArn": method_arn, "authorizationToken": identity.first(),
        }),
    }
}

/// A call as the policy is asked about it that the function said of its caller, and that policy.
pub(crate) fn asked<'a>(
    verdict: &'a Verdict,
    resource: &'a str,
    account: &'a str,
    context: &'a Context,
) -> (Request<'a>, PolicySet<'a>) {
    let request = Request {
        // Whoever a function vouches for is of no account: what its policy says of the caller is all that counts.
        principal: PrincipalView {
            lender: None,
            kind: PrincipalKind::User,
            arn: "",
            account,
            role_arn: None,
            service: None,
            user_id: &verdict.principal_id,
        },
        action: crate::authorize::ACTION,
        resource,
        resource_account: account,
        context,
    };
    (request, PolicySet { identity: &verdict.policy, ..PolicySet::default() })
}

#[cfg(test)]
mod tests;
