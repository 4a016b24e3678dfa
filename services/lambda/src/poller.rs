//! Reads event sources for every mapping that is enabled, and runs functions with what they hold.
//!
//! A mapping that is changed, disabled or deleted stops at once and goes on, if it does, from how far it was; a record
//! may therefore be seen twice and is never passed over. Who may read what is the pipeline's to say: each mapping reads
//! as its function's role.

mod batch;
mod shard;
mod stream;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use service::{Internal, Jobs, Pipeline};
use tokio::task::{AbortHandle, JoinSet};

use self::shard::read_shard;
use self::stream::Stream;
use crate::Lambda;
use crate::mappings::{self, Mapping};
use crate::model::name::Target;

/// How long a mapping waits before it looks for new shards.
const DESCRIBE_PAUSE: Duration = Duration::from_secs(10);

/// One mapping's way to its source and its function.
#[derive(Clone)]
pub(crate) struct Reader {
    lambda: Arc<Lambda>,
    pipeline: Pipeline,
    mapping: Arc<Mapping>,
    target: Target,
}

/// Reads for every mapping until the platform stops.
pub(crate) async fn run(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    let mut tasks = JoinSet::new();
    let mut running: Vec<(Arc<Mapping>, AbortHandle)> = Vec::new();
    loop {
        let wanted = lambda.mappings.enabled();
        running.retain(|(mapping, task)| {
            let goes_on = wanted.iter().any(|wanted| Arc::ptr_eq(wanted, mapping));
            if !goes_on {
                task.abort();
            }
            goes_on
        });
        for mapping in wanted {
            if running.iter().any(|(known, _)| Arc::ptr_eq(known, &mapping)) {
                continue;
            }
            let record = &mapping.record;
            let target = Target::parse(&record.function_arn, None, record.account, &lambda.region);
            let Ok(target) = target else { continue };
            let (lambda, pipeline) = (Arc::clone(&lambda), jobs.pipeline().clone());
            let reader = Reader { lambda, pipeline, mapping: Arc::clone(&mapping), target };
            running.push((mapping, tasks.spawn(reader.run())));
        }
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = lambda.mappings.changed.notified() => {}
            () = jobs.stopped() => return Ok(()),
        }
    }
}

impl Reader {
    /// Reads every shard of the source, those that follow others after these.
    async fn run(self) {
        let mut tasks = JoinSet::new();
        let mut reading = HashSet::new();
        loop {
            let stream = Stream { reader: &self };
            match stream.shards().await {
                Ok(shards) => {
                    let ready = self.ready(&shards);
                    for shard in ready {
                        if reading.insert(shard.clone()) {
                            tasks.spawn(read_shard(self.clone(), shard));
                        }
                    }
                }
                Err(fault) => self.problem(&fault.message),
            }
            tokio::select! {
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                () = tokio::time::sleep(DESCRIBE_PAUSE) => {}
            }
        }
    }

    /// The shards that may be read now: whose parents are over.
    fn ready(&self, shards: &[(String, Option<String>)]) -> Vec<String> {
        let is_finished = |shard: &str| {
            mappings::checkpoint(self.pipeline.store(), &self.mapping.record, shard)
                .is_ok_and(|checkpoint| checkpoint.is_finished)
        };
        let is_known = |shard: &str| shards.iter().any(|(known, _)| known == shard);
        let is_free = |parent: &Option<String>| {
            parent.as_deref().is_none_or(|parent| !is_known(parent) || is_finished(parent))
        };
        let ready = shards.iter().filter(|(shard, parent)| !is_finished(shard) && is_free(parent));
        ready.map(|(shard, _)| shard.clone()).collect()
    }

    fn problem(&self, message: &str) {
        self.lambda.mappings.tell(&self.mapping.record.uuid, &format!("PROBLEM: {message}"));
    }
}
