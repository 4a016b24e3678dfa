//! Credentials of functions' execution roles, and the principals in whose names output is written and outcomes sent.
//!
//! All come from the directory, which asks the role's trust policy; nothing is decided here.

use base::{Clock, Timestamp};
use compute::{BoxFuture, CredentialError, CredentialSource, FunctionSpec, LogTarget, RoleCredentials};
use identity::{AssumedRole, Directory, FunctionSource, Principal, RoleCredentialsError, RoleName};

use crate::model::name::FunctionId;

/// Gives environments the credentials of their function's role.
pub(crate) struct FunctionRoles {
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
}

impl CredentialSource for FunctionRoles {
    fn credentials<'a>(
        &'a self,
        function: &'a FunctionSpec,
        environment_id: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>> {
        let source = FunctionSource {
            function_arn: function.arn.clone(),
            account: function.account,
            environment_id: environment_id.to_owned(),
        };
        let made =
            self.directory.role_credentials(&function.role_arn, &function.name, &source, self.clock.now());
        Box::pin(std::future::ready(match made {
            Ok(made) => Ok(RoleCredentials {
                access_key_id: made.access_key_id,
                secret_access_key: made.secret,
                session_token: made.session_token,
                expires_at: made.expires_at,
            }),
            Err(RoleCredentialsError::NotAssumable) => Err(CredentialError::NotAssumable),
            Err(error) => Err(CredentialError::Failed(Box::new(error))),
        }))
    }
}

/// The session of the function's role in which an environment's output is written; `None` where the role is gone.
pub(crate) fn log_writer(directory: &Directory, target: &LogTarget, now: Timestamp) -> Option<Principal> {
    let (account, role) = directory.role_by_arn(&target.role_arn).ok().flatten()?;
    let path = RoleName::parse(&target.role_arn)?.path;
    let session = target.function_arn.rsplit(':').next().unwrap_or_default();
    let mut principal = AssumedRole::new(account, &path, &role.name, &role.role_id, session);
    // Each delivery is a session of its own: who ends a role's older sessions does not end what its functions say from then on.
    principal.issued_at = now;
    principal.source_environment = Some(target.environment_id.clone());
    principal.source_function = Some(target.function_arn.clone());
    (account == target.account).then_some(Principal::AssumedRole(principal))
}

/// The session of a function's role in which the platform itself acts for the function; `None` where the role is gone
/// or does not trust Lambda any more.
pub(crate) fn session(
    directory: &Directory,
    role_arn: &str,
    function: &FunctionId,
    now: Timestamp,
) -> Option<Principal> {
    let (account, role) = directory.role_by_arn(role_arn).ok().flatten()?;
    let service = Principal::service("lambda.amazonaws.com", &function.arn(), function.account);
    // SECURITY: the same question as when credentials are made; a role that was taken from Lambda sends nothing.
    let is_trusted = directory.trusts_service(role_arn, &role, &service, now).ok()?;
    if account != function.account || !is_trusted {
        return None;
    }
    let path = RoleName::parse(role_arn)?.path;
    let mut principal = AssumedRole::new(account, &path, &role.name, &role.role_id, &function.name);
    principal.issued_at = now;
    principal.source_function = Some(function.arn());
    Some(Principal::AssumedRole(principal))
}
