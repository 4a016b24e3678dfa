//! The life of a call, top to bottom: every control, in its order, with no way around.
//!
//! A request from the network enters at [`Pipeline::serve`]; a service that calls another enters at
//! [`Pipeline::invoke`]. Both meet in `run`. This module holds the order and nothing else: how a signature is
//! checked, a policy decided or a record written is the business of the crates it calls.

mod parts;
mod proof;
mod refusal;
mod taken;
mod tick;

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Timestamp};
use identity::Principal;
use protocol::{ByteStream, Bytes, Fault, OperationModel, Protocol, Value, WireRequest, WireResponse};
use tracing::Instrument;

use self::parts::Parts;
pub use self::parts::{PipelineParts, WeakPipeline};
pub(crate) use self::refusal::{Refused, RefusedByOwner, Why};
use self::refusal::{encode_refused, not_implemented, unrecorded};
pub use self::taken::{RoleTaking, TrustingRole};
pub(crate) use self::tick::AnswerTime;
use crate::arriving::arriving;
use crate::asked::Asked;
use crate::authenticate::{Meant, Named};
use crate::authorize::{self, Caller};
use crate::call::{Call, Signing, Source};
use crate::observation::{Missing, Observation};
use crate::record;
use crate::registry::{Asker, Failure, Resolved};
#[cfg(debug_assertions)]
use crate::testkit::between;

/// The one way to every service. Cheap to clone.
#[derive(Clone)]
pub struct Pipeline(Arc<Parts>);

/// Who calls what from where, once all of that is known.
pub(crate) struct Attempt {
    pub(crate) operation: OperationModel,
    pub(crate) principal: Arc<Principal>,
    pub(crate) account: AccountId,
    pub(crate) source: Arc<Source>,
    pub(crate) request_id: Arc<str>,
    pub(crate) arrived: Timestamp,
    pub(crate) answered: Arc<AnswerTime>,
}

/// Who calls, the body where it is still on its way, and how that request was signed.
type Authenticated = (Arc<Principal>, Option<ByteStream>, Option<Signing>);

impl Attempt {
    fn caller(&self) -> Caller<'_> {
        Caller {
            principal: &self.principal,
            account: self.account,
            source: &self.source,
            operation: self.operation,
            now: self.arrived,
            request_id: &self.request_id,
        }
    }
}

/// What a call answers, and what observe mode let through on the way.
struct Done {
    output: Value,
    missing: Vec<Missing>,
    /// Something of another account was refused on the way.
    refused_abroad: bool,
}

impl Pipeline {
    /// Answers one request from the network. It never fails: every refusal is an answer of the API's own form.
    pub async fn serve(&self, request: &WireRequest<'_>, source: Source) -> WireResponse {
        if Self::streams(request) {
            let body = ByteStream::whole(request.body.clone());
            return self.serve_streamed(request, &body, source).await;
        }
        self.answer(request, None, source).await
    }

    /// The same where the body is still on its way: it is read only once the head's signature was found right.
    pub async fn serve_streamed(
        &self,
        request: &WireRequest<'_>,
        body: &ByteStream,
        source: Source,
    ) -> WireResponse {
        let head = WireRequest { body: &Bytes::new(), ..*request };
        self.answer(&head, Some(body), source).await
    }

    /// True where the API that a request means takes bodies as they arrive. The head alone says so.
    pub fn streams(request: &WireRequest<'_>) -> bool {
        let claim = identity::sigv4::claimed(request.headers, request.query);
        let head = WireRequest { body: &Bytes::new(), ..*request };
        protocol::api(claim.map(|claim| claim.service), &head)
            .is_some_and(|model| model.protocol() == Protocol::RestXml)
    }

    async fn answer(
        &self,
        request: &WireRequest<'_>,
        body: Option<&ByteStream>,
        source: Source,
    ) -> WireResponse {
        let arrived = self.0.clock.now();
        let request_id: Arc<str> = crypto::random::uuid().into();
        let Meant { claim, path, routed } = Meant::by(request);
        let addressed = WireRequest { path: &path, ..*request };
        let service = Named::of(&routed, claim);
        let authenticated = self.authenticate(&service, request, body, &source, arrived);
        let (principal, body, source) = match authenticated {
            Ok((principal, body, signing)) => (principal, body, Arc::new(Source { signing, ..source })),
            Err(fault) => {
                let arrival = self.arrival(&source, &request_id, arrived);
                let stranger = record::Stranger { service: &service, claim };
                self.record_stranger(&stranger, &fault, &arrival).await;
                return service.encode(&fault, &request_id);
            }
        };
        let operation = match routed {
            Ok(operation) => operation,
            Err(fault) => {
                let arrival = self.arrival(&source, &request_id, arrived);
                let asked = protocol::asked(request);
                let fault = self.refuse_unrouted(&service, &principal, fault, &arrival, &asked).await;
                return fault.encode(&request_id);
            }
        };
        let account = principal.account().unwrap_or(self.0.home);
        let is_anonymous = matches!(*principal, Principal::Anonymous);
        let caller = Arc::clone(&principal);
        let answered = AnswerTime::from_now();
        let attempt = Attempt {
            operation,
            principal,
            account,
            source,
            request_id: Arc::clone(&request_id),
            arrived,
            answered,
        };
        let input = self.0.documents.input(operation, &addressed, body, is_anonymous);
        let (mut response, missing) = match self.admit(attempt, input).await {
            Ok(done) => (protocol::encode_output(operation, &done.output, &request_id), done.missing),
            Err(refused) => (encode_refused(operation, &refused, &request_id), refused.missing.into_vec()),
        };
        Observation::of(&caller, missing).tell(&mut response.headers);
        response
    }

    /// The answer to a request that did not arrive whole, in the form of the API that its head means.
    pub fn refuse(head: &WireRequest<'_>, fault: &Fault) -> WireResponse {
        let Meant { claim, routed, .. } = Meant::by(head);
        Named::of(&routed, claim).encode(fault, &crypto::random::uuid())
    }

    fn arrival<'a>(
        &'a self,
        source: &'a Source,
        request_id: &'a Arc<str>,
        at: Timestamp,
    ) -> record::Arrival<'a> {
        record::Arrival { region: &self.0.region, source, request_id, at }
    }

    /// Who calls, and the body as it must be checked while it arrives, where it is not here yet.
    fn authenticate(
        &self,
        service: &Named<'_>,
        request: &WireRequest<'_>,
        body: Option<&ByteStream>,
        source: &Source,
        arrived: Timestamp,
    ) -> Result<Authenticated, Fault> {
        let authenticator = &self.0.authenticator;
        if self.comes_unsigned(service, request, source) {
            return Ok((Arc::new(Principal::Anonymous), None, None));
        }
        let Some(body) = body else {
            return Ok((authenticator.authenticate(service, request, source, arrived)?, None, None));
        };
        let (principal, payload, signing) =
            authenticator.authenticate_head(service, request, source, arrived)?;
        Ok((principal, Some(arriving(body, payload, request.headers)?), signing))
    }

    /// Calls an operation as `principal` from inside the platform. Every control applies but the signature, which
    /// only something outside has to show.
    ///
    /// # Errors
    /// Whatever the service or a control answers.
    pub async fn invoke(
        &self,
        principal: Arc<Principal>,
        source: Source,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, Fault> {
        self.invoke_observed(principal, source, service, operation, input).await.0
    }

    /// The same, with what the caller is told of observe mode.
    pub async fn invoke_observed(
        &self,
        principal: Arc<Principal>,
        source: Source,
        service: &str,
        operation: &str,
        input: Value,
    ) -> (Result<Value, Fault>, Observation) {
        let known = protocol::model(service).and_then(|model| model.operation(operation));
        let Some(known) = known else {
            let unknown = Fault::sender("UnknownOperationException", format!("{service}:{operation}"));
            return (Err(unknown), Observation::default());
        };
        // SECURITY: services keep principals, and make them: their tags, and whether they are in observe mode, are those of now.
        let (principal, unreadable) = match self.0.directory.renewed(&principal) {
            Ok(renewed) => (renewed, None),
            Err(error) => (principal, Some(authorize::unreadable(known, &error))),
        };
        let caller = Arc::clone(&principal);
        let attempt = self.inner_attempt(principal, source, known);
        let ended = match unreadable {
            Some(refused) => {
                self.record_refused(&attempt, None, &[], &refused).await;
                Err(refused)
            }
            None => self.admit(attempt, async { Ok(input) }).await,
        };
        match ended {
            Ok(done) => (Ok(done.output), Observation::of(&caller, done.missing)),
            Err(refused) => (Err(refused.fault), Observation::of(&caller, refused.missing.into_vec())),
        }
    }

    fn inner_attempt(&self, principal: Arc<Principal>, source: Source, operation: OperationModel) -> Attempt {
        Attempt {
            operation,
            account: principal.account().unwrap_or(self.0.home),
            principal,
            source: Arc::new(source),
            request_id: crypto::random::uuid().into(),
            arrived: self.0.clock.now(),
            answered: AnswerTime::from_now(),
        }
    }

    /// The call, and its answer in time: at once, but where something of another account was refused.
    // SECURITY: how long that took would tell what there is.
    async fn admit(
        &self,
        attempt: Attempt,
        input: impl Future<Output = Result<Value, Fault>>,
    ) -> Result<Done, Refused> {
        let answered = Arc::clone(&attempt.answered);
        let ended = self.admitted(attempt, input).await;
        let refused_abroad = match &ended {
            Ok(done) => done.refused_abroad,
            Err(refused) => refused.abroad,
        };
        if refused_abroad {
            answered.come().await;
        }
        ended
    }

    /// Throttle and parse; then the rest of the call under its trace.
    async fn admitted(
        &self,
        attempt: Attempt,
        input: impl Future<Output = Result<Value, Fault>>,
    ) -> Result<Done, Refused> {
        let operation = attempt.operation;
        // Who is nobody takes nothing of the share that the platform's owner has.
        let is_anonymous = matches!(*attempt.principal, Principal::Anonymous);
        let bucket = if is_anonymous { "anonymous" } else { operation.model().service() };
        if !self.0.throttle.admit(attempt.account, bucket, attempt.arrived) {
            let fault = Fault::sender("ThrottlingException", "Rate exceeded");
            let refused = fault.into();
            self.record_refused(&attempt, None, &[], &refused).await;
            return Err(refused);
        }
        let service = operation.model().signing_name();
        self.0.directory.role_used(&attempt.principal, service, self.0.region.as_str(), attempt.arrived);
        let input = match input.await.and_then(|input| {
            protocol::validate_input(operation, &input)?;
            Ok(input)
        }) {
            Ok(input) => input,
            Err(fault) => {
                let refused = fault.into();
                self.record_refused(&attempt, None, &[], &refused).await;
                return Err(refused);
            }
        };
        let span = tracing::debug_span!(
            "call",
            service = operation.model().service(),
            operation = operation.name(),
            request_id = &*attempt.request_id
        );
        let proven = async { self.run(self.proven(attempt, &input).await?, input).await };
        proven.instrument(span).await
    }

    /// Resolve, authorize, begin the record, do the work, end the record.
    async fn run(&self, attempt: Attempt, input: Value) -> Result<Done, Refused> {
        let operation = attempt.operation;
        let parameters = record::parameters(operation, &input);
        let Resolved { access, alone, ground, ready } = match self.resolve(&attempt, input) {
            Ok(resolved) => resolved,
            Err(failure) => {
                let fault = self.blame(operation, failure);
                let refused = fault.into();
                self.record_refused(&attempt, parameters, &[], &refused).await;
                return Err(refused);
            }
        };
        let question = authorize::Question { alone: alone.as_ref(), ..self.question(attempt.caller()) };
        // SECURITY: no work before this answer, and nothing above has told whether the target exists.
        let missing = match question.ask(&access) {
            Ok(missing) => missing,
            Err(refused) => {
                self.record_refused(&attempt, parameters, access.checks(), &refused).await;
                return Err(refused);
            }
        };
        let asked = Arc::new(Asked::before(operation, &attempt.principal, &access, missing));
        let mut record = record::of(&attempt, &self.0.region, parameters, access.checks(), asked.details());
        let others = record::of_owners(&attempt.principal, &attempt.source, &mut record);
        let audit = self.0.audit.begin_shared(record, others);
        let call = Call {
            event_source: operation.model().event_source(),
            principal: Arc::clone(&attempt.principal),
            account: attempt.account,
            source: Arc::clone(&attempt.source),
            request_id: Arc::clone(&attempt.request_id),
            arrived: attempt.arrived,
            audit: audit.clone(),
            pipeline: self.clone(),
            operation,
            asked: Arc::clone(&asked),
            ground: ground.map(Arc::new),
            answered: Arc::clone(&attempt.answered),
            made: attempt.source.marks.as_ref().map(|_| Arc::default()),
        };
        #[cfg(debug_assertions)]
        between::happens(between::Moment::Work);
        let ended = ready(call).await.map_err(|failure| asked.ends_with(self.blame(operation, failure)));
        if let Some(details) = asked.news().and_then(|news| record::with_signing(Some(news), &attempt.source))
        {
            audit.tell(details);
        }
        match ended {
            Ok(output) => {
                audit.succeed(record::response(operation, &output)).await.map_err(|_| unrecorded())?;
                Ok(Done { output, missing: asked.missing(), refused_abroad: asked.refused_abroad() })
            }
            Err(refused) => {
                let Fault { code, message, .. } = &refused.fault;
                audit.fail(code, message).await.map_err(|_| unrecorded())?;
                Err(refused)
            }
        }
    }

    fn question<'a>(&'a self, caller: Caller<'a>) -> authorize::Question<'a> {
        let Parts { directory, denials, region, .. } = &*self.0;
        authorize::Question { directory, denials, region, caller, alone: None, is_alone: false }
    }

    /// Takes the caller's side of a call across accounts alone, and fixes by that when a refusal is told.
    // SECURITY: before anything of the other account is read, so that it has no part in when that is.
    pub(crate) fn ask_alone(
        &self,
        caller: Caller<'_>,
        access: Option<&crate::Access>,
        answered: &AnswerTime,
        begun: Duration,
    ) {
        if let Some(access) = access {
            self.question(caller).ask_alone(access);
        }
        answered.fix(begun);
    }

    /// Ok where the caller of `call` has this leave, too; either way its record tells. `alone` is the same where the other account
    /// that it is about has nothing.
    pub(crate) fn ask(
        &self,
        call: &Call,
        access: &crate::Access,
        alone: Option<&crate::Access>,
    ) -> Result<(), Fault> {
        let question = authorize::Question { alone, ..self.question(call.caller()) };
        match question.ask(access) {
            Ok(missing) => {
                call.asked.grant(access.checks(), missing);
                Ok(())
            }
            Err(refused) => {
                let fault = refused.fault.clone();
                call.asked.refuse(refused);
                Err(fault)
            }
        }
    }

    pub(crate) fn resolve(&self, attempt: &Attempt, input: Value) -> Result<Resolved, Failure> {
        let (service, name) = (attempt.operation.model().service(), attempt.operation.name());
        let endpoint = self.0.services.get(service).and_then(|found| found.endpoint(name));
        let Some(endpoint) = endpoint else {
            let reason = self.0.services.get(service).and_then(|found| found.decline_reason(name));
            return Err(Failure { fault: not_implemented(service, name, reason), cause: None });
        };
        let begun = attempt.answered.elapsed();
        let first = |access: Option<&crate::Access>| {
            self.ask_alone(attempt.caller(), access, &attempt.answered, begun);
        };
        let asker = Asker {
            principal: &attempt.principal,
            account: attempt.account,
            region: &self.0.region,
            now: attempt.arrived,
            source: &attempt.source,
            store: &self.0.store,
            first: &first,
        };
        endpoint.resolve(input, &asker)
    }
}
