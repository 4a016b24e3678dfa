//! Findings of all kinds, in the second form of the API.

use std::sync::Arc;

use service::Permit;

use super::findings::{Listing, principal, sources};
use crate::page::Paging;
use crate::records::{Details, FindingRecord, UnusedService};
use crate::state::{Analyzers, Open};
use crate::{Error, api};

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListFindingsV2>,
) -> Result<api::ListFindingsV2Response, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = Open::with_arn(&view, &call, &input.analyzer_arn)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let listing = Listing { filter: input.filter, sort: input.sort, paging };
    let (findings, next_token) = listing.of(&view, &open)?;
    let findings = findings.into_iter().map(|finding| api::FindingSummaryV2 {
        analyzed_at: finding.analyzed_at,
        created_at: finding.created_at,
        error: finding.error,
        id: finding.id,
        resource: Some(finding.resource),
        resource_type: finding.resource_type,
        resource_owner_account: finding.owner,
        status: finding.status.name().to_owned(),
        updated_at: finding.updated_at,
        finding_type: Some(finding.details.name().to_owned()),
    });
    Ok(api::ListFindingsV2Response { findings: findings.collect(), next_token })
}

fn permissions(service: &UnusedService) -> api::FindingDetails {
    let actions = service
        .actions
        .iter()
        .map(|(action, last)| api::UnusedAction { action: action.clone(), last_accessed: *last });
    let details = api::UnusedPermissionDetails {
        actions: (!service.actions.is_empty()).then(|| actions.collect()),
        service_namespace: service.namespace.clone(),
        last_accessed: service.last,
    };
    api::FindingDetails { unused_permission_details: Some(details), ..api::FindingDetails::default() }
}

fn details(finding: &FindingRecord) -> Vec<api::FindingDetails> {
    let mut shown = api::FindingDetails::default();
    match &finding.details {
        Details::External(external) => {
            let is_known = finding.error.is_none();
            shown.external_access_details = Some(api::ExternalAccessDetails {
                action: is_known.then(|| external.actions.clone()),
                condition: external.conditions.clone().into_iter().collect(),
                is_public: is_known.then_some(external.public),
                principal: principal(external),
                sources: sources(finding),
                resource_control_policy_restriction: Some(external.rcp.clone()),
            });
        }
        Details::Role { last } => {
            shown.unused_iam_role_details = Some(api::UnusedIamRoleDetails { last_accessed: *last });
        }
        Details::AccessKey { id, last } => {
            let details =
                api::UnusedIamUserAccessKeyDetails { access_key_id: id.clone(), last_accessed: *last };
            shown.unused_iam_user_access_key_details = Some(details);
        }
        Details::Password { last } => {
            shown.unused_iam_user_password_details =
                Some(api::UnusedIamUserPasswordDetails { last_accessed: *last });
        }
        Details::Permissions { services } => return services.iter().map(permissions).collect(),
    }
    vec![shown]
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetFindingV2>,
) -> Result<api::GetFindingV2Response, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let finding = Open::with_arn(&view, &call, &input.analyzer_arn)?.finding(&view, &input.id)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let numbered =
        details(&finding).into_iter().enumerate().map(|(at, details)| (format!("{at:06}"), details));
    let (finding_details, next_token) = paging.of(numbered.collect(), false);
    Ok(api::GetFindingV2Response {
        analyzed_at: finding.analyzed_at,
        created_at: finding.created_at,
        finding_type: Some(finding.details.name().to_owned()),
        error: finding.error,
        id: finding.id,
        next_token,
        resource: Some(finding.resource),
        resource_type: finding.resource_type,
        resource_owner_account: finding.owner,
        status: finding.status.name().to_owned(),
        updated_at: finding.updated_at,
        finding_details,
    })
}
