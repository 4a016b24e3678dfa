//! The session of a role: narrowed as asked, tagged as handed on, and never wider than either side said.
//!
//! That the role trusts whoever asks was decided before.

use ::identity::records::RoleRecord;
use ::identity::{
    AssumedRole, DirectoryError, FederatedBy, Principal, RoleSession, Session, SessionPolicy, Subject,
    TemporaryCredentials,
};
use base::AccountId;
use service::Call;

use super::moment;
use crate::api::{AssumedRoleUser, PolicyDescriptorType};
use crate::{Error, Sts, model};

/// What a request says of the session.
pub(super) struct Asked {
    pub(super) session_name: String,
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Option<Vec<PolicyDescriptorType>>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive_tags: Vec<String>,
    pub(super) source_identity: Option<String>,
    pub(super) federated_by: Option<FederatedBy>,
}

/// The managed session policies that are meant, each of which can be read.
// SECURITY: a session policy that cannot be read would narrow nothing; refuse it while someone is there to hear.
pub(super) fn readable(
    sts: &Sts,
    account: AccountId,
    descriptors: Option<Vec<PolicyDescriptorType>>,
) -> Result<Vec<SessionPolicy>, Error> {
    let arns = descriptors.into_iter().flatten().filter_map(|descriptor| descriptor.arn);
    arns.map(|arn| {
        let absent = || Error::ValidationError(format!("The specified policy {arn} does not exist."));
        sts.directory.session_policy(account, &arn)?.ok_or_else(absent)
    })
    .collect()
}

/// The session that is asked for, and how full its policies and tags make a token.
pub(super) fn of(
    sts: &Sts,
    account: AccountId,
    role: &RoleRecord,
    caller: Option<&AssumedRole>,
    asked: Asked,
) -> Result<(RoleSession, Option<i64>), Error> {
    let managed_policies = readable(sts, account, asked.policy_arns)?;
    let (caller_tags, caller_transitive, caller_identity) = caller
        .map(|caller| (&*caller.session_tags, &*caller.transitive_tags, caller.source_identity.clone()))
        .unwrap_or_default();
    let tags = model::session_tags(asked.tags, asked.transitive_tags, caller_tags, caller_transitive)?;
    let packed = model::packed_size(asked.policy.as_deref(), &managed_policies, &tags.tags)?;
    let source_identity = match (caller_identity, asked.source_identity) {
        (Some(inherited), Some(asked)) if inherited != asked => {
            return Err(Error::denied("The SourceIdentity of a session cannot be changed by role chaining."));
        }
        (inherited, asked) => inherited.or(asked),
    };
    let session = RoleSession {
        role_name: role.name.clone(),
        role_id: role.role_id.clone(),
        session_name: asked.session_name,
        policies: asked.policy.into_iter().collect(),
        managed_policies,
        tags: tags.tags,
        transitive_tags: tags.transitive,
        source_identity,
        source_environment: None,
        source_function: None,
        chained: caller.is_some(),
        federated_by: asked.federated_by,
    };
    Ok((session, packed))
}

/// Begins the session: its credentials, and its name as the API writes it.
pub(super) fn begin(
    sts: &Sts,
    call: &Call,
    account: AccountId,
    role: &RoleRecord,
    session: RoleSession,
    secs: i64,
) -> Result<(TemporaryCredentials, AssumedRoleUser), Error> {
    let principal = AssumedRole::new(
        account,
        role.path.as_str(),
        role.name.as_str(),
        role.role_id.as_str(),
        session.session_name.as_str(),
    );
    let session = Session {
        account,
        subject: Subject::Role(Box::new(session)),
        issued_at: moment(call),
        expires_at: moment(call).plus_secs(secs),
        mfa: false,
    };
    let made = sts.directory.tokens().issue(&session).map_err(DirectoryError::from)?;
    let assumed_role_id = principal.user_id().to_owned();
    let arn = Principal::AssumedRole(principal).arn().to_owned();
    Ok((made, AssumedRoleUser { assumed_role_id, arn }))
}
