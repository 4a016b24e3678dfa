//! Reads event sources for every mapping that is enabled, and runs functions with what they hold.
//!
//! A mapping that is changed, disabled or deleted stops at once and goes on, if it does, from how far it was; a record
//! may therefore be seen twice and is never passed over. Who may read what is the pipeline's to say: each mapping reads
//! as its function's role.

mod batch;
mod failed;
mod lane;
mod ledger;
mod shard;
mod stream;
mod window;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use service::{Internal, Jobs, Pipeline};
use tokio::task::{AbortHandle, JoinSet};

use self::shard::read_shard;
use self::stream::{Item, Stream};
use crate::Lambda;
use crate::checkpoints;
use crate::mappings::Mapping;
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
        let mut wanted = lambda.mappings.all();
        wanted.retain(|mapping| mapping.record.is_enabled);
        running.retain(|(mapping, task)| {
            let goes_on = wanted.iter().any(|wanted| mapping.reads_like(wanted));
            if !goes_on {
                task.abort();
            }
            goes_on
        });
        for mapping in wanted {
            if running.iter().any(|(known, _)| known.reads_like(&mapping)) {
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
            checkpoints::read(self.pipeline.store(), &self.mapping.record, shard)
                .is_ok_and(|checkpoint| checkpoint.is_finished)
        };
        let is_known = |shard: &str| shards.iter().any(|(known, _)| known == shard);
        let is_free = |parent: &Option<String>| {
            parent.as_deref().is_none_or(|parent| !is_known(parent) || is_finished(parent))
        };
        let ready = shards.iter().filter(|(shard, parent)| !is_finished(shard) && is_free(parent));
        ready.map(|(shard, _)| shard.clone()).collect()
    }

    /// Batches of one shard that run at once.
    fn lanes(&self) -> usize {
        usize::try_from(self.mapping.record.lanes.max(1)).unwrap_or(1)
    }

    /// The lane of a record: all of one item take the same.
    fn lane_of(&self, item: &Item) -> usize {
        let lanes = u64::from(self.mapping.record.lanes.max(1));
        usize::try_from(item.key % lanes).unwrap_or(0)
    }

    fn problem(&self, message: &str) {
        self.lambda.results.tell(&self.mapping.record.uuid, &format!("PROBLEM: {message}"));
    }
}
