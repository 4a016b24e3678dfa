//! How a service declares its operations, and the proof a handler gets that its call was let through.
//!
//! An operation without an access function cannot be registered; one that is in the model and neither registered
//! nor declined answers that it is not implemented.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base::{AccountId, Region, Timestamp};
use identity::Principal;
use protocol::{Fault, FromValue, IntoValue, Operation, Value};
use store::{Read, Store};

use crate::abroad::{self, Alone, Told};
use crate::access::{Access, AccessRequest};
use crate::call::{Call, Source};
use crate::error::{Internal, ServiceError};
use crate::ground::{AtOnce, Ground, Seen};
use crate::jobs::{Job, Jobs};
use crate::pipeline::Pipeline;

/// Proof that a call was authenticated, validated, authorized and recorded. Only the pipeline makes one.
pub struct Permit<O: Operation> {
    /// The request's members.
    pub input: O::Input,
    /// The call's context.
    pub call: Call,
    _made_by_the_pipeline: PhantomData<()>,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The rest of a call once leave is granted.
pub(crate) type Ready = Box<dyn FnOnce(Call) -> BoxFuture<Result<Value, Failure>> + Send>;

/// What went wrong, for the caller and for the operator.
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    pub(crate) cause: Option<String>,
}

impl Failure {
    pub(crate) fn from_error<E: ServiceError>(error: E) -> Self {
        let cause = error.internal().map(|internal| base::Chain(internal).to_string());
        Self { fault: error.into_fault(), cause }
    }

    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        Self { fault: Fault::internal(), cause: Some(base::Chain(cause).to_string()) }
    }
}

/// Who asks, for access functions.
pub(crate) struct Asker<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) account: AccountId,
    pub(crate) region: &'a Region,
    pub(crate) now: Timestamp,
    pub(crate) source: &'a Source,
    pub(crate) store: &'a Store,
    /// Is told the leave that is asked for, where that is another account's, before anything there is read.
    pub(crate) first: &'a dyn Fn(Option<&Access>),
}

/// A call that is understood: the leave it needs, what that rests on, and the work.
pub(crate) struct Resolved {
    pub(crate) access: Access,
    /// The same as if another account that it is about had nothing.
    pub(crate) alone: Option<Access>,
    pub(crate) ground: Option<Ground>,
    pub(crate) ready: Ready,
}

/// An operation with its types erased: takes the input apart, names the leave it needs, and holds the work back.
pub(crate) trait Endpoint: Send + Sync {
    fn resolve(&self, input: Value, asker: &Asker<'_>) -> Result<Resolved, Failure>;
}

struct TypedEndpoint<S, O, E, A, H> {
    state: Arc<S>,
    access: Arc<A>,
    handler: Arc<H>,
    _types: PhantomData<fn(O) -> E>,
}

impl<S, O, E, A, H> TypedEndpoint<S, O, E, A, H>
where
    S: Send + Sync + 'static,
    O: Operation,
    E: ServiceError,
    A: Fn(&S, &AccessRequest<'_, O::Input>) -> Result<Access, E> + Send + Sync + 'static,
{
    fn ground(&self, seen: Vec<Seen>, input: O::Input) -> Ground {
        let (state, asks) = (Arc::clone(&self.state), Arc::clone(&self.access));
        let again = move |now: &dyn Read, call: &Call| {
            asks(&state, &call.request(&input, now)).map_err(Failure::from_error)
        };
        Ground::of(seen, Box::new(again))
    }
}

impl<S, O, E, A, H, F> Endpoint for TypedEndpoint<S, O, E, A, H>
where
    S: Send + Sync + 'static,
    O: Operation,
    E: ServiceError,
    A: Fn(&S, &AccessRequest<'_, O::Input>) -> Result<Access, E> + Send + Sync + 'static,
    H: Fn(Arc<S>, Permit<O>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<O::Output, E>> + Send + 'static,
{
    fn resolve(&self, input: Value, asker: &Asker<'_>) -> Result<Resolved, Failure> {
        let input = O::Input::from_value(input).map_err(|mismatch| Failure::internal(&mismatch))?;
        let at_once = AtOnce::of(asker.store);
        let asks = |records: &dyn Read, alone: Option<&Alone<'_>>| {
            let request = AccessRequest {
                input: &input,
                principal: asker.principal,
                account: asker.account,
                region: asker.region,
                now: asker.now,
                source: asker.source,
                records,
                alone,
            };
            (self.access)(&self.state, &request).map_err(Failure::from_error)
        };
        let told = abroad::ask(abroad::home(asker.principal), &at_once, asks, asker.first)?;
        let Told { access, alone, seen } = told;
        let ground = (!seen.is_empty()).then(|| self.ground(seen, input.clone()));
        let state = Arc::clone(&self.state);
        let handler = Arc::clone(&self.handler);
        let ready: Ready = Box::new(move |call| {
            Box::pin(async move {
                let permit = Permit { input, call, _made_by_the_pipeline: PhantomData };
                let output = handler(state, permit).await.map_err(Failure::from_error)?;
                Ok(output.into_value())
            })
        });
        Ok(Resolved { access, alone, ground, ready })
    }
}

/// The proof that an operation's input carries, in the place of a signature.
pub(crate) type Proof = dyn Fn(Value, Timestamp) -> BoxFuture<Result<Principal, Failure>> + Send + Sync;

/// Is told the pipeline.
type Opened = dyn Fn(&Pipeline) + Send + Sync;

/// A service as the pipeline knows it: a table of operations.
pub struct Service {
    name: &'static str,
    endpoints: HashMap<&'static str, Box<dyn Endpoint>>,
    proofs: HashMap<&'static str, Box<Proof>>,
    declined: BTreeMap<&'static str, &'static str>,
    /// Those of the declined that clients do not sign.
    declined_unsigned: BTreeSet<&'static str>,
    // Locked once, when the platform starts them.
    jobs: Mutex<Vec<Job>>,
    /// What wants to know the pipeline that this service is reached by.
    opened: Vec<Box<Opened>>,
}

impl Service {
    /// The API's name, as in `models/`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The operations that are implemented.
    pub fn implemented(&self) -> impl Iterator<Item = &'static str> {
        self.endpoints.keys().copied()
    }

    /// The operations that are declined, with their reasons.
    pub fn declined(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.declined.iter().map(|(name, reason)| (*name, *reason))
    }

    pub(crate) fn endpoint(&self, operation: &str) -> Option<&dyn Endpoint> {
        self.endpoints.get(operation).map(AsRef::as_ref)
    }

    /// How callers of this operation prove who they are, where that is not by a signature.
    pub(crate) fn proof(&self, operation: &str) -> Option<&Proof> {
        self.proofs.get(operation).map(AsRef::as_ref)
    }

    pub(crate) fn decline_reason(&self, operation: &str) -> Option<&'static str> {
        self.declined.get(operation).copied()
    }

    /// True where clients do not sign this operation, and all that they may be told is why it is not offered.
    // SECURITY: never of one that is.
    pub(crate) fn declines_unsigned(&self, operation: &str) -> bool {
        self.declined_unsigned.contains(operation) && self.endpoint(operation).is_none()
    }

    pub(crate) fn open(&self, pipeline: &Pipeline) {
        self.opened.iter().for_each(|told| told(pipeline));
    }

    pub(crate) fn take_jobs(&self) -> Vec<Job> {
        self.jobs.lock().map(|mut jobs| std::mem::take(&mut *jobs)).unwrap_or_default()
    }
}

/// Builds a service's operation table.
pub struct ServiceBuilder<S> {
    state: Arc<S>,
    service: Service,
}

impl<S: Send + Sync + 'static> ServiceBuilder<S> {
    /// An empty table for the API of this name; `state` is what its handlers share.
    pub fn new(name: &'static str, state: Arc<S>) -> Self {
        let service = Service {
            name,
            endpoints: HashMap::new(),
            proofs: HashMap::new(),
            declined: BTreeMap::new(),
            declined_unsigned: BTreeSet::new(),
            jobs: Mutex::default(),
            opened: Vec::new(),
        };
        Self { state, service }
    }

    /// An operation: the leave it needs, and the work.
    #[must_use]
    pub fn operation<O, E, A, H, F>(mut self, access: A, handler: H) -> Self
    where
        O: Operation,
        E: ServiceError,
        A: Fn(&S, &AccessRequest<'_, O::Input>) -> Result<Access, E> + Send + Sync + 'static,
        H: Fn(Arc<S>, Permit<O>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O::Output, E>> + Send + 'static,
    {
        debug_assert_eq!(O::SERVICE, self.service.name, "{} belongs to another API", O::NAME);
        let endpoint = TypedEndpoint::<S, O, E, A, H> {
            state: Arc::clone(&self.state),
            access: Arc::new(access),
            handler: Arc::new(handler),
            _types: PhantomData,
        };
        self.service.endpoints.insert(O::NAME, Box::new(endpoint));
        self
    }

    /// What proves the caller of an operation that comes without a signature: something in its input. Whoever calls it, it is
    /// the one whom `proof` names that is asked about, recorded and handed to the handler.
    // SECURITY: without a proof, nobody's calls are for the S3 protocol and its buckets' policies alone.
    #[must_use]
    pub fn proven_by<O, E, P, F>(mut self, proof: P) -> Self
    where
        O: Operation,
        E: ServiceError,
        P: Fn(Arc<S>, O::Input, Timestamp) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Principal, E>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let proof = Arc::new(proof);
        let proof: Box<Proof> = Box::new(move |input, now| {
            let (state, proof) = (Arc::clone(&state), Arc::clone(&proof));
            Box::pin(async move {
                let input = O::Input::from_value(input).map_err(|mismatch| Failure::internal(&mismatch))?;
                proof(state, input, now).await.map_err(Failure::from_error)
            })
        });
        self.service.proofs.insert(O::NAME, proof);
        self
    }

    /// Operations of the model that are deliberately not offered, all for the same reason.
    #[must_use]
    pub fn declined(mut self, reason: &'static str, operations: &[&'static str]) -> Self {
        self.service.declined.extend(operations.iter().map(|name| (*name, reason)));
        self
    }

    /// The same of operations that clients never sign: an unsigned call learns the reason, too, and nothing else.
    #[must_use]
    pub fn declined_unsigned(mut self, reason: &'static str, operations: &[&'static str]) -> Self {
        self.service.declined_unsigned.extend(operations);
        self.declined(reason, operations)
    }

    /// Work in the background from the platform's start to its stop.
    #[must_use]
    pub fn job<W, F>(mut self, name: &'static str, work: W) -> Self
    where
        W: FnOnce(Arc<S>, Jobs) -> F + Send + 'static,
        F: Future<Output = Result<(), Internal>> + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        if let Ok(jobs) = self.service.jobs.get_mut() {
            jobs.push(Job::new(name, move |jobs| work(state, jobs)));
        }
        self
    }

    /// Tells the service its pipeline before any call comes: for what it does besides answering calls.
    #[must_use]
    pub fn opened<W>(mut self, told: W) -> Self
    where
        W: Fn(&S, &Pipeline) + Send + Sync + 'static,
    {
        let state = Arc::clone(&self.state);
        self.service.opened.push(Box::new(move |pipeline| told(&state, pipeline)));
        self
    }

    /// The finished table.
    pub fn build(self) -> Service {
        self.service
    }
}
