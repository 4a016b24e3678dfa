//! Roles that services take: to run a function, to read a stream, to write a policy from the trail.
//!
//! Each session is an `AssumeRole` on record like anybody's, decided by the role's trust policy, and explained where it is
//! refused. No role of another account is taken.

use std::sync::Arc;

use base::AccountId;
use identity::{DirectoryError, Principal, RoleSession, Session, Subject, TemporaryCredentials};
use protocol::{Fault, Structure, Value};

use super::refusal::{Refused, unrecorded};
use super::{AnswerTime, Attempt, Pipeline};
use crate::call::{Call, Source};
use crate::record;
use crate::role_target::RoleTarget;

const ACTION: &str = "sts:AssumeRole";

/// A service, and the session of a role that it wants.
#[derive(Clone, Copy, Debug)]
pub struct RoleTaking<'a> {
    /// `lambda.amazonaws.com`
    pub service: &'static str,
    /// On whose behalf: `aws:SourceArn`.
    pub source_arn: &'a str,
    /// Its account: `aws:SourceAccount`, and the role's.
    pub account: AccountId,
    /// The role's.
    pub role_arn: &'a str,
    /// What the session is called.
    pub session_name: &'a str,
    /// The function whose own role it is.
    pub function_arn: Option<&'a str>,
    /// Its environment: no other door accepts these credentials.
    pub environment_id: Option<&'a str>,
    /// How long the session lasts.
    pub secs: i64,
}

/// The very role whose trust policy was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustingRole {
    /// Its own name.
    pub name: String,
    /// Its id, which no role has that is made under the name later.
    pub id: String,
}

impl Pipeline {
    /// The session's credentials, once the role's trust policy let the service take it and that is on record.
    // No rate bounds it: what a service takes roles for is bounded where it is asked for.
    ///
    /// # Errors
    /// The role does not let the service take it, or the directory cannot tell.
    pub async fn take_role(&self, taking: &RoleTaking<'_>) -> Result<TemporaryCredentials, Fault> {
        self.take_role_unless_told(taking, || false).await
    }

    /// The same for who is refused often: a refusal of which `is_told` says that it is known goes on no record. It is asked
    /// about refusals alone.
    ///
    /// # Errors
    /// As [`Self::take_role`].
    pub async fn take_role_unless_told(
        &self,
        taking: &RoleTaking<'_>,
        is_told: impl FnOnce() -> bool,
    ) -> Result<TemporaryCredentials, Fault> {
        self.taken(taking, is_told).await.map_err(|refused| refused.fault)
    }

    /// The role, where [`Self::take_role`] would be let through now. Nothing is made, and nothing recorded.
    pub fn may_take_role(&self, taking: &RoleTaking<'_>) -> Option<TrustingRole> {
        let target = RoleTarget::find(&self.0.store, &self.0.directory, taking.role_arn, taking.session_name)
            .ok()
            .flatten();
        let target = target.filter(|target| target.account() == taking.account)?;
        let attempt = self.taking(taking)?;
        self.question(attempt.caller()).ask(&target.leave(ACTION)).ok()?;
        let (name, id) = target.role()?;
        Some(TrustingRole { name: name.to_owned(), id: id.to_owned() })
    }

    /// As the pipeline knows calls; `None` where there is no such operation.
    fn taking(&self, taking: &RoleTaking<'_>) -> Option<Attempt> {
        Some(Attempt {
            operation: protocol::model("sts")?.operation("AssumeRole")?,
            principal: Arc::new(Principal::service(taking.service, taking.source_arn, taking.account)),
            account: taking.account,
            source: Arc::new(Source::platform(taking.service)),
            request_id: crypto::random::uuid().into(),
            arrived: self.0.clock.now(),
            answered: AnswerTime::from_now(),
        })
    }

    // SECURITY: the trust policy is asked once, here: nothing is waited for between its answer and the session.
    async fn taken(
        &self,
        taking: &RoleTaking<'_>,
        is_told: impl FnOnce() -> bool,
    ) -> Result<TemporaryCredentials, Refused> {
        let target = RoleTarget::find(&self.0.store, &self.0.directory, taking.role_arn, taking.session_name);
        let target = target.map_err(|error| broken(&error))?;
        // SECURITY: a role that trusts a service does not mean everybody's functions; and nobody writes into the trail of
        // another account by what he gives a service to use.
        let Some(target) = target.filter(|target| target.account() == taking.account) else {
            return Err(not_assumable(taking.role_arn).into());
        };
        let attempt = self.taking(taking).ok_or_else(Fault::internal)?;
        let input = Structure::new()
            .with("RoleArn", taking.role_arn)
            .with("RoleSessionName", taking.session_name)
            .with("DurationSeconds", Value::Integer(taking.secs));
        let parameters = record::parameters(attempt.operation, &Value::Structure(input));
        let access = target.leave(ACTION);
        if let Err(refused) = self.question(attempt.caller()).ask(&access) {
            if !is_told() {
                self.record_refused(&attempt, parameters, access.checks(), &refused).await;
            }
            return Err(refused);
        }
        let record = record::of(&attempt, &self.0.region, parameters, access.checks(), None);
        let audit = self.0.audit.begin(record);
        let made = self.issue(taking, &target, &attempt);
        match made {
            Ok(made) => {
                let answer = record::response(attempt.operation, &told(&made));
                audit.succeed(answer).await.map_err(|_| unrecorded())?;
                Ok(made)
            }
            Err(fault) => {
                audit.fail(&fault.code, &fault.message).await.map_err(|_| unrecorded())?;
                Err(fault.into())
            }
        }
    }

    // SECURITY: of the very role whose trust policy was asked: one that was made anew under its name has another id, and the
    // session is of nobody.
    fn issue(
        &self,
        taking: &RoleTaking<'_>,
        target: &RoleTarget<'_>,
        attempt: &Attempt,
    ) -> Result<TemporaryCredentials, Fault> {
        let (name, id) = target.role().ok_or_else(|| not_assumable(taking.role_arn))?;
        let subject = RoleSession {
            role_name: name.to_owned(),
            role_id: id.to_owned(),
            session_name: taking.session_name.to_owned(),
            source_environment: taking.environment_id.map(str::to_owned),
            source_function: taking.function_arn.map(str::to_owned),
            ..RoleSession::default()
        };
        let session = Session {
            account: taking.account,
            subject: Subject::Role(Box::new(subject)),
            issued_at: attempt.arrived,
            expires_at: attempt.arrived.plus_secs(taking.secs),
            mfa: false,
        };
        let made = self.0.directory.tokens().issue(&session);
        made.map_err(|error| broken(&DirectoryError::from(error)))
    }
}

impl Call {
    /// [`Pipeline::take_role`] in the course of this call, which answers `told` where the role is refused: its record, its
    /// answer and its explanation are then those of that refusal, too.
    ///
    /// # Errors
    /// `told`, or that the platform cannot tell.
    pub async fn take_role(
        &self,
        taking: &RoleTaking<'_>,
        told: Fault,
    ) -> Result<TemporaryCredentials, Fault> {
        match self.pipeline.taken(taking, || false).await {
            Ok(made) => Ok(made),
            Err(refused) if refused.fault.status >= 500 => Err(refused.fault),
            Err(refused) => {
                self.asked.refuse(Refused { fault: told.clone(), ..refused });
                Err(told)
            }
        }
    }
}

fn not_assumable(role_arn: &str) -> Fault {
    Fault::sender("AccessDenied", format!("The role {role_arn} cannot be assumed")).with_status(403)
}

// SECURITY: a directory that cannot answer refuses.
fn broken(error: &(dyn std::error::Error + 'static)) -> Fault {
    tracing::error!(error = %base::Chain(error), "a role cannot be read");
    Fault::internal()
}

/// What the record tells of the credentials: nothing that is secret.
fn told(made: &TemporaryCredentials) -> Value {
    let credentials = Structure::new()
        .with("AccessKeyId", made.access_key_id.as_str())
        .with("Expiration", Value::Timestamp(made.expires_at));
    Value::Structure(Structure::new().with("Credentials", Value::Structure(credentials)))
}
