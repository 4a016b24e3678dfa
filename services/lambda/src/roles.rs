//! Credentials of functions' execution roles, and the principals in whose names output is written and outcomes sent.
//!
//! Lambda takes roles through the pipeline, which asks the role's trust policy and keeps a record; nothing is decided here.

use std::collections::HashMap;
use std::sync::OnceLock;

use base::{Clock, Timestamp};
use compute::{BoxFuture, CredentialError, CredentialSource, FunctionSpec, LogTarget, RoleCredentials};
use identity::{AssumedRole, Directory, Principal, RoleName};
use parking_lot::Mutex;
use service::{Call, Internal, Pipeline, RoleTaking, ServiceError as _, WeakPipeline};

use crate::Error;
use crate::model::name::FunctionId;

const SERVICE: &str = "lambda.amazonaws.com";
/// How long a function's credentials last.
const ENVIRONMENT_SECS: i64 = 12 * 3_600;
/// How long Lambda goes on with a session in which it acts for a function itself, and how long it does not ask again
/// where it was refused one: each asking is a record.
const SESSION_SECS: i64 = 3_600;
const REFUSED_SECS: i64 = 60;
/// Sessions that are remembered; beyond that, those that are over are forgotten, and then all.
const HELD_MAX: usize = 10_000;

/// Gives environments the credentials of their function's role, and Lambda its sessions.
pub(crate) struct FunctionRoles {
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    pipeline: OnceLock<WeakPipeline>,
    /// Until when Lambda's own sessions last, by role and function.
    held: Mutex<HashMap<(String, String), Held>>,
}

#[derive(Clone, Copy)]
struct Held {
    until: Timestamp,
    is_refused: bool,
}

impl FunctionRoles {
    pub(crate) fn new(directory: Directory, clock: Clock) -> Self {
        Self { directory, clock, pipeline: OnceLock::new(), held: Mutex::default() }
    }

    /// From here on roles are taken.
    pub(crate) fn open(&self, pipeline: &Pipeline) {
        let _ = self.pipeline.set(pipeline.downgrade());
    }

    // SECURITY: before there is a pipeline, or after it, nobody can ask the role's policy: there is no session.
    fn pipeline(&self) -> Option<Pipeline> {
        self.pipeline.get()?.upgrade()
    }

    /// The session of a function's role in which the platform itself acts for the function; `None` where the role is gone
    /// or does not trust Lambda any more.
    pub(crate) async fn session(&self, role_arn: &str, function: &FunctionId) -> Option<Principal> {
        let pipeline = self.pipeline()?;
        let function_arn = function.arn();
        let taking = RoleTaking { secs: SESSION_SECS, ..taking(role_arn, function, &function_arn) };
        let key = (role_arn.to_owned(), function_arn.clone());
        let now = self.clock.now();
        // SECURITY: asked each time: a role that was taken from Lambda sends nothing from then on.
        let is_let = pipeline.may_take_role(&taking);
        let held = self.held.lock().get(&key).copied();
        // One record tells of a session, and of a refusal for a while: not each that is sent in it.
        if !held.is_some_and(|held| held.until > now && held.is_refused != is_let) {
            let taken = pipeline.take_role(&taking).await;
            let secs = if taken.is_ok() { SESSION_SECS } else { REFUSED_SECS };
            self.hold(key, Held { until: now.plus_secs(secs), is_refused: taken.is_err() }, now);
            taken.ok()?;
        } else if !is_let {
            return None;
        }
        let RoleName { account, path, .. } = RoleName::parse(role_arn)?;
        let (_, role) = self.directory.role_by_arn(role_arn).ok().flatten()?;
        let mut principal = AssumedRole::new(account, &path, &role.name, &role.role_id, &function.name);
        principal.issued_at = now;
        principal.source_function = Some(function_arn);
        Some(Principal::AssumedRole(principal))
    }

    /// True where this role was refused to this function lately, which is on record: another refusal is not. Where it was
    /// not, it counts as refused from here on, so that of many that come at once one alone is recorded.
    fn was_refused(&self, key: &(String, String), now: Timestamp) -> bool {
        let known = |held: &Held| held.until > now && held.is_refused;
        if self.held.lock().get(key).is_some_and(known) {
            return true;
        }
        self.hold(key.clone(), Held { until: now.plus_secs(REFUSED_SECS), is_refused: true }, now)
            .is_some_and(|held| known(&held))
    }

    fn forget_refusal(&self, key: &(String, String)) {
        let mut held = self.held.lock();
        if held.get(key).is_some_and(|held| held.is_refused) {
            held.remove(key);
        }
    }

    /// Answers what was held before.
    fn hold(&self, key: (String, String), fresh: Held, now: Timestamp) -> Option<Held> {
        let mut held = self.held.lock();
        if held.len() >= HELD_MAX {
            held.retain(|_, one| one.until > now);
        }
        if held.len() >= HELD_MAX {
            held.clear();
        }
        held.insert(key, fresh)
    }
}

fn taking<'a>(role_arn: &'a str, function: &'a FunctionId, function_arn: &'a str) -> RoleTaking<'a> {
    RoleTaking {
        service: SERVICE,
        source_arn: function_arn,
        account: function.account,
        role_arn,
        session_name: &function.name,
        function_arn: Some(function_arn),
        environment_id: None,
        secs: SESSION_SECS,
    }
}

impl CredentialSource for FunctionRoles {
    fn credentials<'a>(
        &'a self,
        function: &'a FunctionSpec,
        environment_id: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>> {
        Box::pin(async move {
            let gone = || CredentialError::Failed(Box::new(Internal::new("the pipeline is gone")));
            let pipeline = self.pipeline().ok_or_else(gone)?;
            let taking = RoleTaking {
                service: SERVICE,
                source_arn: &function.arn,
                account: function.account,
                role_arn: &function.role_arn,
                session_name: &function.name,
                function_arn: Some(&function.arn),
                environment_id: Some(environment_id),
                secs: ENVIRONMENT_SECS,
            };
            let key = (function.role_arn.clone(), function.arn.clone());
            // SECURITY: whoever may invoke the function, be it strangers, can begin environments as often as he likes: each
            // refusal on record would let him fill the trail.
            if !pipeline.may_take_role(&taking) && self.was_refused(&key, self.clock.now()) {
                return Err(CredentialError::NotAssumable);
            }
            match pipeline.take_role(&taking).await {
                Ok(made) => {
                    self.forget_refusal(&key);
                    Ok(RoleCredentials {
                        access_key_id: made.access_key_id,
                        secret_access_key: made.secret,
                        session_token: made.session_token,
                        expires_at: made.expires_at,
                    })
                }
                Err(fault) if fault.status < 500 => Err(CredentialError::NotAssumable),
                Err(fault) => {
                    self.forget_refusal(&key);
                    Err(CredentialError::Failed(Box::new(Internal::new(fault.message))))
                }
            }
        })
    }
}

/// Refuses a role that does not exist or does not trust Lambda.
pub(crate) async fn check(call: &Call, role_arn: &str, id: &FunctionId) -> Result<(), Error> {
    let refused = || {
        Error::InvalidParameterValue(
            "The role defined for the function cannot be assumed by Lambda.".to_owned(),
        )
    };
    let function_arn = id.arn();
    match call.take_role(&taking(role_arn, id, &function_arn), refused().into_fault()).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status < 500 => Err(refused()),
        Err(fault) => Err(Error::internal(Internal::new(fault.message))),
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
