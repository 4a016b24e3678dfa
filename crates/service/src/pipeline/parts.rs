//! What a pipeline is made of, and what those who hold one may reach of it.
//!
//! No call passes here.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use base::{AccountId, Clock, Region};
use crypto::Sealer;
use identity::Directory;
use observe::AuditTrail;
use store::Store;
use tokio::sync::watch;

use super::Pipeline;
use crate::arriving::Documents;
use crate::authenticate::Authenticator;
use crate::denial::Denials;
use crate::jobs::Jobs;
use crate::record;
use crate::registry::Service;
use crate::throttle::{Rate, Throttle};

/// What a pipeline is made of.
pub struct PipelineParts {
    /// The services, each once.
    pub services: Vec<Service>,
    /// Who exists and what they may do.
    pub directory: Directory,
    /// Where calls are recorded.
    pub audit: AuditTrail,
    /// All state.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The account that owns the platform: refusals of strangers are recorded there.
    pub home: AccountId,
    /// The region that the platform stands for.
    pub region: Region,
    /// What each account may ask of each service.
    pub rate: Rate,
    /// Seals the messages that `DecodeAuthorizationMessage` opens.
    pub message_sealer: Sealer,
}

pub(super) struct Parts {
    pub(super) services: HashMap<&'static str, Service>,
    pub(super) directory: Directory,
    pub(super) authenticator: Authenticator,
    pub(super) throttle: Throttle,
    pub(super) strangers: Throttle,
    /// Refusals that are told to the owners of what was refused.
    pub(super) abroad: Throttle,
    pub(super) audit: AuditTrail,
    pub(super) denials: Denials,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) home: AccountId,
    pub(super) region: Region,
    pub(super) documents: Documents,
}

/// A pipeline as those know it who must not keep it.
#[derive(Clone)]
pub struct WeakPipeline(Weak<Parts>);

impl WeakPipeline {
    /// The pipeline, while it is there.
    pub fn upgrade(&self) -> Option<Pipeline> {
        self.0.upgrade().map(Pipeline)
    }
}

impl Pipeline {
    /// A pipeline to these services.
    pub fn new(parts: PipelineParts) -> Self {
        let pipeline = Self(Arc::new(Parts {
            services: parts.services.into_iter().map(|service| (service.name(), service)).collect(),
            authenticator: Authenticator::new(parts.directory.clone(), parts.region.clone()),
            strangers: Throttle::new(record::STRANGERS),
            abroad: Throttle::new(record::ABROAD),
            directory: parts.directory,
            throttle: Throttle::new(parts.rate),
            audit: parts.audit,
            denials: Denials::new(parts.message_sealer),
            store: parts.store,
            clock: parts.clock,
            home: parts.home,
            region: parts.region,
            documents: Documents::new(),
        }));
        pipeline.services().for_each(|service| service.open(&pipeline));
        pipeline
    }

    /// Keeps nothing alive: for what the pipeline itself holds.
    pub fn downgrade(&self) -> WeakPipeline {
        WeakPipeline(Arc::downgrade(&self.0))
    }

    /// The region that the platform stands for.
    pub fn region(&self) -> &Region {
        &self.0.region
    }

    /// The account that owns the platform.
    pub fn home(&self) -> AccountId {
        self.0.home
    }

    /// All state.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Who exists and what they may do.
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// Where calls are recorded.
    pub fn audit(&self) -> &AuditTrail {
        &self.0.audit
    }

    /// Seals and opens the messages that explain denials.
    pub fn denials(&self) -> &Denials {
        &self.0.denials
    }

    /// The services by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.0.services.values()
    }

    /// Starts every service's background jobs; they end when `stop` turns true. Later calls start nothing.
    pub fn start_jobs(&self, stop: &watch::Receiver<bool>) -> tokio::task::JoinSet<()> {
        let mut running = tokio::task::JoinSet::new();
        for job in self.services().flat_map(Service::take_jobs) {
            let work = (job.work)(Jobs::new(self.clone(), stop.clone()));
            running.spawn(async move {
                if let Err(error) = work.await {
                    tracing::error!(job = job.name, error = %base::Chain(&error), "a background job ended");
                }
            });
        }
        running
    }
}
