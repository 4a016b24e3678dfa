//! The custom checks: no new access, nothing listed granted, nothing public.
//!
//! A check passes only where that was shown. Comparing takes its time on long policies, off the threads that answer.

use std::sync::Arc;

use analysis::access::{self, Document, Listed, NotAPolicy, Reason};
use service::{Call, Permit};
use tokio::task::spawn_blocking;

use crate::api::{
    CheckAccessNotGranted, CheckAccessNotGrantedResponse, CheckNoNewAccess, CheckNoNewAccessResponse,
    CheckNoPublicAccess, CheckNoPublicAccessResponse, ReasonSummary,
};
use crate::{Analyzers, Error};

/// Actions times resources in one request.
const LISTED_MAX: usize = 1_000;

fn document(text: &str, member: &str) -> Result<Document, Error> {
    Document::parse(text).map_err(|error| refused(&error, member))
}

fn refused(error: &NotAPolicy, member: &str) -> Error {
    Error::InvalidParameter(format!("The value of {member} is not a policy document: {error}"))
}

async fn compared<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(Call::internal)
}

fn summaries(reasons: Vec<Reason>, what: &str) -> Vec<ReasonSummary> {
    let each = reasons.into_iter().map(|Reason { index, sid }| {
        let named = sid.as_ref().map_or_else(|| format!("index: {index}"), |sid| format!("sid: {sid}"));
        ReasonSummary {
            description: Some(format!("{what} in the statement with {named}.")),
            statement_index: i64::try_from(index).ok(),
            statement_id: sid,
        }
    });
    each.collect()
}

const fn result(passes: bool) -> &'static str {
    if passes { "PASS" } else { "FAIL" }
}

pub(crate) async fn no_new_access(
    _: Arc<Analyzers>,
    permit: Permit<CheckNoNewAccess>,
) -> Result<CheckNoNewAccessResponse, Error> {
    let input = permit.input;
    let new = document(input.new_policy_document.expose(), "newPolicyDocument")?;
    let existing = document(input.existing_policy_document.expose(), "existingPolicyDocument")?;
    let reasons = compared(move || access::new_access(&new, &existing)).await?;
    let passes = reasons.is_empty();
    let message = if passes {
        "The modified permissions do not grant new access compared to your existing policy."
    } else {
        "The modified permissions grant new access compared to your existing policy."
    };
    Ok(CheckNoNewAccessResponse {
        result: Some(result(passes).to_owned()),
        message: Some(message.to_owned()),
        reasons: Some(summaries(reasons, "New access")),
    })
}

pub(crate) async fn not_granted(
    _: Arc<Analyzers>,
    permit: Permit<CheckAccessNotGranted>,
) -> Result<CheckAccessNotGrantedResponse, Error> {
    let input = permit.input;
    let policy = document(input.policy_document.expose(), "policyDocument")?;
    let listed: Vec<Listed> = input
        .access
        .into_iter()
        .map(|access| Listed {
            actions: access.actions.unwrap_or_default(),
            resources: access.resources.unwrap_or_default(),
        })
        .collect();
    // SECURITY: a slip of the pen must not read as a proof.
    if listed.is_empty() {
        return Err(Error::InvalidParameter(
            "The value of access names no actions and no resources.".to_owned(),
        ));
    }
    if let Some(fault) = listed.iter().find_map(Listed::fault) {
        return Err(Error::InvalidParameter(fault));
    }
    if listed.iter().any(|listed| listed.actions.is_empty() && listed.resources.is_empty()) {
        return Err(Error::validation("An access names actions, resources, or both."));
    }
    let pairs = |listed: &Listed| listed.actions.len().max(1).saturating_mul(listed.resources.len().max(1));
    if listed.iter().map(pairs).sum::<usize>() > LISTED_MAX {
        return Err(Error::validation(format!("More than {LISTED_MAX} pairs of actions and resources.")));
    }
    let reasons = compared(move || access::granted(&policy, &listed)).await?;
    let passes = reasons.is_empty();
    let message = if passes {
        "The policy document does not grant access to perform the listed actions or resources."
    } else {
        "The policy document grants access to perform one or more of the listed actions or resources."
    };
    Ok(CheckAccessNotGrantedResponse {
        result: Some(result(passes).to_owned()),
        message: Some(message.to_owned()),
        reasons: Some(summaries(reasons, "One or more of the listed actions or resources")),
    })
}

pub(crate) async fn no_public_access(
    _: Arc<Analyzers>,
    permit: Permit<CheckNoPublicAccess>,
) -> Result<CheckNoPublicAccessResponse, Error> {
    let text = permit.input.policy_document.into_exposed();
    let found = compared(move || access::no_public_access(&text)).await?;
    let reasons = found.map_err(|error| refused(&error, "policyDocument"))?;
    let passes = reasons.is_empty();
    let message = if passes {
        "The resource policy does not grant public access for the given resource type."
    } else {
        "The resource policy grants public access for the given resource type."
    };
    Ok(CheckNoPublicAccessResponse {
        result: Some(result(passes).to_owned()),
        message: Some(message.to_owned()),
        reasons: Some(summaries(reasons, "Public access granted")),
    })
}
