//! Temporary credentials of a federated user: a name to which a user lends its rights.
//!
//! What it may is what both the user's policies and its own session policies allow; without any of those, only what the
//! policies of resources allow it by name.

use std::sync::Arc;

use ::identity::{DirectoryError, FederatedSession, FederatedUser, Principal, Session, Subject};
use service::Permit;

use super::{credentials, moment, role_session};
use crate::api::{self, GetFederationToken, GetFederationTokenResponse};
use crate::{Error, Sts, model};

pub(crate) async fn federation_token(
    sts: Arc<Sts>,
    permit: Permit<GetFederationToken>,
) -> Result<GetFederationTokenResponse, Error> {
    let Permit { input, call, .. } = permit;
    let lender = match &**call.principal() {
        Principal::Root(_) => None,
        Principal::User(user) => Some((user.name.clone(), user.user_id.clone())),
        _ => return Err(Error::denied("Cannot call GetFederationToken with session credentials")),
    };
    let account = call.account();
    let managed_policies = role_session::readable(&sts, account, input.policy_arns)?;
    let asked = input.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
    let tags = model::session_tags(asked, Vec::new(), &[], &[])?.tags;
    let packed_policy_size = model::packed_size(input.policy.as_deref(), &managed_policies, &tags)?;
    let secs = model::key_session_secs(input.duration_seconds, lender.is_none());
    let user = Principal::FederatedUser(FederatedUser::new(account, input.name.as_str(), None));
    let session = Session {
        account,
        subject: Subject::Federated(Box::new(FederatedSession {
            name: input.name,
            lender,
            policies: input.policy.into_iter().collect(),
            managed_policies,
            tags,
        })),
        issued_at: moment(&call),
        expires_at: moment(&call).plus_secs(secs),
        mfa: false,
    };
    let made = sts.directory.tokens().issue(&session).map_err(DirectoryError::from)?;
    Ok(GetFederationTokenResponse {
        credentials: Some(credentials(&made)),
        federated_user: Some(api::FederatedUser {
            federated_user_id: user.user_id().to_owned(),
            arn: user.arn().to_owned(),
        }),
        packed_policy_size,
    })
}
