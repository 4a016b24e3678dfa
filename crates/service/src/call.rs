//! What a handler may do: read the time, change the store under audit, and call other services.
//!
//! A call never hands out the pipeline's insides. Every change made through [`Call::transact`] carries the call's
//! audit record in the same transaction, so that no change can become visible without it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use identity::Principal;
use identity::sigv4::SignatureVersion;
use observe::AuditTicket;
use protocol::{Fault, FromValue, IntoValue, Operation, OperationModel, Value};
use store::{Read, Store, StoreError, Transaction};

use crate::abroad;
use crate::access::{Access, AccessRequest};
use crate::asked::Asked;
use crate::authorize::Caller;
use crate::error::{Internal, ServiceError};
use crate::ground::{Ground, Seen, View};
use crate::pipeline::{AnswerTime, Pipeline};
use crate::receipts::Made;
use crate::record;
use crate::registry::Failure;
#[cfg(debug_assertions)]
use crate::testkit::between::{Moment, happens};

/// Where a call came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The peer's address; loopback for calls that the platform makes itself.
    pub ip: IpAddr,
    /// The `User-Agent`, or the calling service's name; at most 1,024 bytes.
    pub user_agent: String,
    /// The `Referer`, where one was sent; at most 1,024 bytes.
    pub referer: Option<String>,
    /// True where the call came over TLS or did not leave the process.
    pub is_secure: bool,
    /// True where the caller itself spoke TLS, which what it calls is told as the scheme. A function's own way in is as
    /// good as TLS, and is asked in clear as well.
    pub speaks_tls: bool,
    /// The services through which the call came, outermost first (`aws:CalledVia`).
    pub via: Vec<&'static str>,
    /// The environment whose door the call came through, if it came from inside a function.
    pub door: Option<Arc<Door>>,
    /// The trace header (`X-Amzn-Trace-Id`) as it arrived, unread; at most 1,024 bytes.
    pub trace: Option<String>,
    /// The `aws:` tags that a calling service puts on what this call makes. Nothing outside can set them.
    pub marks: Option<Arc<Marks>>,
    /// How the function URL tells callers apart through which the call came, if it came through one.
    // SECURITY: only the gateway sets it, for what it served itself.
    pub function_url: Option<&'static str>,
    /// The version of TLS that the call came over, as policies write it: `1.2` or `1.3`.
    pub tls_version: Option<&'static str>,
    /// How the call was signed, where its body may arrive after its head: what S3's policies may ask.
    // SECURITY: only the pipeline sets it, from a signature that it found right.
    pub signing: Option<Signing>,
}

/// How a request was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// When, as the signature says; version 2 says nothing of it.
    pub signed_at: Option<Timestamp>,
    /// In which way.
    pub version: SignatureVersion,
    /// True where the signature stands in the query: a presigned URL.
    pub presigned: bool,
    /// What the request says of its body: the `x-amz-content-sha256` header, or what stands for it.
    pub content_sha256: String,
}

/// Tags that only the platform writes, for example `aws:cloudformation:stack-id`.
pub type Marks = [(String, String)];

/// The identity of a function's environment, as its way in knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The account of the function.
    pub account: AccountId,
    /// The function's execution role.
    pub role_arn: String,
    /// The environment, unique for the life of the platform.
    pub environment_id: String,
}

/// True for the keys of tags that only the platform writes and takes away.
pub fn is_mark(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

impl Source {
    /// The platform itself, calling in the name of `service` (for example `lambda.amazonaws.com`).
    pub fn platform(service: &'static str) -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: service.to_owned(),
            referer: None,
            is_secure: true,
            speaks_tls: true,
            via: Vec::new(),
            door: None,
            trace: None,
            marks: None,
            function_url: None,
            tls_version: None,
            signing: None,
        }
    }

    /// The source of a call that `service` makes on behalf of the one that came from here.
    #[must_use]
    pub fn through(&self, service: &'static str) -> Self {
        let mut onward = self.clone();
        service.clone_into(&mut onward.user_agent);
        onward.via.push(service);
        // They are for what this call makes, not for what is made along the way.
        onward.marks = None;
        // Nobody signed that call.
        onward.signing = None;
        onward
    }

    /// What CloudTrail writes as the source's address: a service's name where one is in between.
    pub fn address(&self) -> String {
        self.via.last().map_or_else(|| self.ip.to_string(), |service| (*service).to_owned())
    }
}

/// One authorized call, as its handler sees it. Cheap to clone.
#[derive(Clone)]
pub struct Call {
    pub(crate) principal: Arc<Principal>,
    pub(crate) account: AccountId,
    pub(crate) source: Arc<Source>,
    pub(crate) request_id: Arc<str>,
    pub(crate) arrived: Timestamp,
    pub(crate) event_source: &'static str,
    pub(crate) audit: AuditTicket,
    pub(crate) pipeline: Pipeline,
    pub(crate) operation: OperationModel,
    pub(crate) asked: Arc<Asked>,
    pub(crate) ground: Option<Arc<Ground>>,
    /// What it made, where marks came with it.
    pub(crate) made: Option<Arc<Made>>,
    /// When a refusal is told, where it is another account's.
    pub(crate) answered: Arc<AnswerTime>,
}

impl Call {
    /// As policy is asked about it.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller {
            principal: &self.principal,
            account: self.account,
            source: &self.source,
            operation: self.operation,
            now: self.arrived,
            request_id: &self.request_id,
        }
    }

    /// Who calls.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The account in which the call acts.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The region in which the call acts.
    pub fn region(&self) -> &Region {
        self.pipeline.region()
    }

    /// Where the call came from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The `aws:` tags for what this call makes; they count for no quota and need no leave.
    pub fn marks(&self) -> Vec<(String, String)> {
        self.source.marks.as_deref().unwrap_or_default().to_vec()
    }

    /// The id that the caller's answer carries.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the call arrived. Handlers use this, so that one call has one time.
    pub const fn now(&self) -> Timestamp {
        self.arrived
    }

    /// The store, for reading. Changes go through [`Call::transact`].
    pub fn store(&self) -> &Store {
        self.pipeline.store()
    }

    /// What is durable now, where the call's leave holds for it.
    ///
    /// # Errors
    /// The caller has no leave for what stands there by now, or the store fails.
    pub fn view(&self) -> Result<View, Fault> {
        #[cfg(debug_assertions)]
        happens(Moment::View);
        let view = View(self.store().snapshot().map_err(|error| self.failed(&error))?);
        self.settle(&view)?;
        Ok(view)
    }

    /// Ok where all the records that leave was given on are in `now` as they were, or leave is given for what is there
    /// instead. [`Call::view`] and [`Call::transact`] do this by themselves.
    ///
    /// # Errors
    /// The refusal, or that the platform failed.
    pub fn settle(&self, now: &dyn Read) -> Result<(), Fault> {
        self.ground.as_ref().map_or(Ok(()), |ground| ground.settle(now, self))
    }

    /// Asks for further leave, and answers what that was asked on, for the transaction that uses it.
    ///
    /// # Errors
    /// The refusal, or what `asks` answers.
    pub fn ask_on<E: ServiceError + From<Fault>>(
        &self,
        now: &dyn Read,
        asks: impl Fn(&AccessRequest<'_, ()>) -> Result<Access, E> + Send + Sync + 'static,
    ) -> Result<Ground, E> {
        let seen = self.asked_on(now, &asks)?;
        let again = Box::new(move |now: &dyn Read, call: &Self| {
            asks(&call.request(&(), now)).map_err(Failure::from_error)
        });
        Ok(Ground::of(seen, again))
    }

    /// Asks for further leave, for what nothing rests on later.
    ///
    /// # Errors
    /// The refusal, or what `asks` answers.
    pub fn ask_of<E: ServiceError + From<Fault>>(
        &self,
        now: &dyn Read,
        asks: impl Fn(&AccessRequest<'_, ()>) -> Result<Access, E>,
    ) -> Result<(), E> {
        self.asked_on(now, &asks).map(|_| ())
    }

    fn asked_on<E: ServiceError + From<Fault>>(
        &self,
        now: &dyn Read,
        asks: &dyn Fn(&AccessRequest<'_, ()>) -> Result<Access, E>,
    ) -> Result<Vec<Seen>, E> {
        let begun = self.answered.elapsed();
        // Once for a call: what asks for a thousand things is told when all of them are decided.
        let first = |access: Option<&Access>| {
            if !self.answered.is_fixed() {
                self.pipeline.ask_alone(self.caller(), access, &self.answered, begun);
            }
        };
        let told = abroad::ask(
            abroad::home(&self.principal),
            now,
            |records, alone| asks(&AccessRequest { alone, ..self.request(&(), records) }),
            &first,
        )?;
        self.pipeline.ask(self, &told.access, told.alone.as_ref())?;
        Ok(told.seen)
    }

    /// A question as access functions are asked it.
    pub fn request<'a, I>(&'a self, input: &'a I, records: &'a dyn Read) -> AccessRequest<'a, I> {
        AccessRequest {
            input,
            principal: &self.principal,
            account: self.account,
            region: self.region(),
            now: self.arrived,
            source: &self.source,
            records,
            alone: None,
        }
    }

    /// Logs why the platform failed; the caller is told nothing of it.
    pub(crate) fn failed(&self, cause: &dyn std::error::Error) -> Fault {
        self.blamed(Failure::internal(cause))
    }

    pub(crate) fn blamed(&self, failure: Failure) -> Fault {
        self.pipeline.blame(self.operation, failure)
    }

    /// Changes the store, where the call's leave holds for what stands there by then. The call's audit record becomes durable
    /// in the same transaction.
    ///
    /// # Errors
    /// What `body` answers (nothing is written then), a refusal, or the store's own failure.
    pub async fn transact<T, E>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + From<Fault> + Send,
    {
        #[cfg(debug_assertions)]
        happens(Moment::Transaction);
        self.store()
            .transact(|transaction| {
                self.settle(&*transaction)?;
                self.made.iter().for_each(|made| made.begin());
                let answer = body(transaction)?;
                if let (Some(made), Some(marks)) = (&self.made, &self.source.marks) {
                    made.write(marks, transaction)?;
                }
                if let Some(ground) = &self.ground {
                    ground.renew(&*transaction)?;
                }
                let news = self.asked.news();
                if let Some(details) = news.and_then(|news| record::with_signing(Some(news), &self.source)) {
                    self.audit.tell(details);
                }
                // SECURITY: durable together with the change, so that no change is visible without its record.
                self.audit.attach(transaction)?;
                Ok(answer)
            })
            .await
    }

    /// Calls another service as the caller of this one, through the whole pipeline.
    ///
    /// # Errors
    /// Whatever the other service or the pipeline answers.
    pub async fn invoke_as_caller<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        self.invoke_as::<O>(Arc::clone(&self.principal), input).await
    }

    /// Calls another service as `principal`, through the whole pipeline.
    ///
    /// # Errors
    /// Whatever the other service or the pipeline answers.
    pub async fn invoke_as<O: Operation>(
        &self,
        principal: Arc<Principal>,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        let answer = self.invoke(principal, O::SERVICE, O::NAME, input.into_value()).await?;
        O::Output::from_value(answer).map_err(|mismatch| {
            tracing::error!(operation = O::NAME, %mismatch, "an answer does not fit its own model");
            Fault::internal()
        })
    }

    /// Calls another service as `principal` with a value built from its model.
    ///
    /// # Errors
    /// Whatever the other service or the pipeline answers.
    pub async fn invoke(
        &self,
        principal: Arc<Principal>,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, Fault> {
        let source = self.source.through(self.event_source);
        Box::pin(self.pipeline.invoke(principal, source, service, operation, input)).await
    }

    /// Asks for further leave: for what an answer may tell, or for a part of the work. It is no call of its own, and stands
    /// in this call's record, granted or refused; of a role in observe mode what is missing is let through and noted.
    ///
    /// # Errors
    /// The refusal as the caller may be told it; where the call ends with it, the answer carries its sealed message.
    pub fn ask(&self, access: &Access) -> Result<(), Fault> {
        self.pipeline.ask(self, access, None)
    }

    /// The pipeline itself, for work that goes on after the answer.
    pub const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Turns a mismatch between a record and its code into this service's internal error.
    pub fn internal<E: From<Internal>>(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> E {
        E::from(Internal::new(cause))
    }
}
