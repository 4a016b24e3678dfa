//! Credentials of functions' execution roles, and the principals in whose names output is written and outcomes sent.
//!
//! Lambda takes roles through the pipeline, which asks the role's trust policy and keeps a record; nothing is decided here.

use std::collections::HashMap;
use std::sync::OnceLock;

use base::{AccountId, Clock, Timestamp};
use compute::{BoxFuture, CredentialError, CredentialSource, FunctionSpec, LogTarget, RoleCredentials};
use identity::{AssumedRole, Directory, Principal, RoleName, TemporaryCredentials};
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
    pub(crate) clock: Clock,
    pipeline: OnceLock<WeakPipeline>,
    /// What is on record of a role and a function.
    held: Mutex<HashMap<Taken, Held>>,
}

/// A role, and the function that it was asked for.
type Taken = (String, String);

/// What is on record, and until when that is enough.
#[derive(Clone, Copy)]
struct Held {
    told: Told,
    until: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Lambda's own session.
    Session,
    Refusal,
}

impl Told {
    const fn secs(self) -> i64 {
        match self {
            Self::Session => SESSION_SECS,
            Self::Refusal => REFUSED_SECS,
        }
    }
}

impl FunctionRoles {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, pipeline: OnceLock::new(), held: Mutex::default() }
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
        let taking = taking(role_arn, function.account, &function.name, &function_arn);
        // SECURITY: asked each time: a role that was taken from Lambda sends nothing from then on.
        let trusting = pipeline.may_take_role(&taking);
        // One record tells of a session: not each that is sent in it.
        if trusting.is_none() || !self.was_told(&taking, Told::Session) {
            self.take(&pipeline, &taking).await.ok()?;
        }
        // SECURITY: the very role that trusts Lambda. One that was made anew under its name was not asked.
        let role = trusting?;
        let RoleName { account, path, .. } = RoleName::parse(role_arn)?;
        let mut principal = AssumedRole::new(account, &path, &role.name, &role.id, &function.name);
        principal.issued_at = self.clock.now();
        principal.source_function = Some(function_arn);
        Some(Principal::AssumedRole(principal))
    }

    /// Takes a role, which is on record; of refusals, the first of a while.
    async fn take(
        &self,
        pipeline: &Pipeline,
        taking: &RoleTaking<'_>,
    ) -> Result<TemporaryCredentials, CredentialError> {
        // SECURITY: whoever may invoke the function, be it strangers, can begin environments as often as he likes: each
        // refusal on record would let him fill the trail.
        match pipeline.take_role_unless_told(taking, || self.was_told(taking, Told::Refusal)).await {
            Ok(made) => {
                self.forget(taking, |told| told == Told::Refusal);
                Ok(made)
            }
            Err(fault) if fault.status < 500 => Err(CredentialError::NotAssumable),
            Err(fault) => {
                self.forget(taking, |_| true);
                Err(CredentialError::Failed(Box::new(Internal::new(fault.message))))
            }
        }
    }

    /// True where this is on record of late. Where it was not, it counts as if from here on, so that of many that come at once
    /// one alone is recorded.
    fn was_told(&self, taking: &RoleTaking<'_>, told: Told) -> bool {
        let now = self.clock.now();
        let known = |held: &Held| held.told == told && held.until > now;
        let is_known = self.held.lock().get(&taken(taking)).is_some_and(known);
        is_known || self.hold(taking, told).is_some_and(|held| known(&held))
    }

    fn forget(&self, taking: &RoleTaking<'_>, which: impl Fn(Told) -> bool) {
        let mut held = self.held.lock();
        if held.get(&taken(taking)).is_some_and(|held| which(held.told)) {
            held.remove(&taken(taking));
        }
    }

    /// Answers what was held before.
    fn hold(&self, taking: &RoleTaking<'_>, told: Told) -> Option<Held> {
        let now = self.clock.now();
        let mut held = self.held.lock();
        if held.len() >= HELD_MAX {
            held.retain(|_, one| one.until > now);
        }
        if held.len() >= HELD_MAX {
            held.clear();
        }
        held.insert(taken(taking), Held { told, until: now.plus_secs(told.secs()) })
    }
}

fn taken(taking: &RoleTaking<'_>) -> Taken {
    (taking.role_arn.to_owned(), taking.source_arn.to_owned())
}

fn taking<'a>(
    role_arn: &'a str,
    account: AccountId,
    function_name: &'a str,
    function_arn: &'a str,
) -> RoleTaking<'a> {
    RoleTaking {
        service: SERVICE,
        source_arn: function_arn,
        account,
        role_arn,
        session_name: function_name,
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
            let made = RoleTaking {
                environment_id: Some(environment_id),
                secs: ENVIRONMENT_SECS,
                ..taking(&function.role_arn, function.account, &function.name, &function.arn)
            };
            let made = self.take(&pipeline, &made).await?;
            Ok(RoleCredentials {
                access_key_id: made.access_key_id,
                secret_access_key: made.secret,
                session_token: made.session_token,
                expires_at: made.expires_at,
            })
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
    match call.take_role(&taking(role_arn, id.account, &id.name, &function_arn), refused().into_fault()).await
    {
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
