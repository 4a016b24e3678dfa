//! Delivers lines to CloudWatch Logs, through the pipeline, in the name of the role that their account gave API Gateway.
//!
//! A role that does not trust API Gateway, or may not write, writes nothing: its lines are dropped and counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::Principal;
use protocol::{Fault, Structure, Value};
use service::{Pipeline, Source};
use store::Store;

use super::{Line, Logs};
use crate::function::{SERVICE, assume};
use crate::records::{ACCOUNTS, AccountRecord, account_prefix, decode};

/// The most lines of one `PutLogEvents`, and their bytes by its own way of counting.
const BATCH_LINES_MAX: usize = 1_000;
const BATCH_BYTES_MAX: usize = 1_000_000;
const LINE_OVERHEAD_BYTES: usize = 26;
/// How long a role's session is used before it is assumed again, in seconds. Sessions last an hour.
const SESSION_SECS: i64 = 900;

/// Delivers what waits, turn by turn.
#[derive(Default)]
pub struct Deliverer {
    sessions: HashMap<(AccountId, String), (Arc<Principal>, Timestamp)>,
}

impl Deliverer {
    /// Delivers what waits. It never fails: what cannot be delivered is dropped, and told to the operator.
    pub async fn turn(&mut self, pipeline: &Pipeline, store: &Store, logs: &Logs) {
        let (mut lines, dropped) = logs.take();
        lines.sort_by_key(|line| line.at);
        if dropped > 0 {
            tracing::warn!(dropped, "lines of stages' logs were dropped: too many waited");
        }
        let mut places: BTreeMap<(AccountId, String, String), Vec<Line>> = BTreeMap::new();
        for line in lines {
            let place = (line.account, line.group.clone(), line.stream.clone());
            places.entry(place).or_default().push(line);
        }
        for ((account, group, stream), lines) in places {
            let Some(writer) = self.session(pipeline, store, account).await else {
                tracing::debug!(%account, lines = lines.len(), "nobody may write a stage's logs");
                continue;
            };
            let place = Place { pipeline, writer, group: &group, stream: &stream };
            if let Err(fault) = place.write(&lines).await {
                tracing::debug!(group, code = %fault.code, lines = lines.len(), "a stage's logs were not delivered");
            }
        }
    }

    /// A session of the role that the account gave API Gateway.
    async fn session(
        &mut self,
        pipeline: &Pipeline,
        store: &Store,
        account: AccountId,
    ) -> Option<Arc<Principal>> {
        let record = store.get(ACCOUNTS, account_prefix(account)).ok()??;
        let role = decode::<AccountRecord>(&record).ok()?.cloudwatch_role_arn?;
        let now = pipeline.clock().now();
        self.sessions.retain(|_, (_, until)| now < *until);
        let key = (account, role);
        if let Some((session, _)) = self.sessions.get(&key) {
            return Some(Arc::clone(session));
        }
        let session = assume(pipeline, &key.1, account, &source_arn(pipeline, account), now).await?;
        self.sessions.insert(key, (Arc::clone(&session), now.plus_secs(SESSION_SECS)));
        Some(session)
    }
}

/// What a role's trust policy may name in `aws:SourceArn`.
fn source_arn(pipeline: &Pipeline, account: AccountId) -> String {
    format!("arn:aws:apigateway:{}:{account}:/account", pipeline.region())
}

/// True where API Gateway may act in the name of a role, which is of this account.
pub async fn trusts_gateway(pipeline: &Pipeline, role_arn: &str, account: AccountId) -> bool {
    let now = pipeline.clock().now();
    assume(pipeline, role_arn, account, &source_arn(pipeline, account), now).await.is_some()
}

struct Place<'a> {
    pipeline: &'a Pipeline,
    writer: Arc<Principal>,
    group: &'a str,
    stream: &'a str,
}

impl Place<'_> {
    async fn call(&self, operation: &str, input: Structure) -> Result<(), Fault> {
        let (writer, source) = (Arc::clone(&self.writer), Source::platform(SERVICE));
        self.pipeline.invoke(writer, source, "logs", operation, Value::Structure(input)).await.map(drop)
    }

    fn names(&self) -> Structure {
        Structure::new().with("logGroupName", self.group).with("logStreamName", self.stream)
    }

    async fn write(&self, lines: &[Line]) -> Result<(), Fault> {
        for batch in batches(lines) {
            match self.put(batch).await {
                Err(fault) if fault.code == "ResourceNotFoundException" => {
                    self.make(batch.iter().any(|line| line.makes_group)).await?;
                    self.put(batch).await?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn put(&self, lines: &[Line]) -> Result<(), Fault> {
        let events = lines.iter().map(|line| {
            let event = Structure::new().with("timestamp", Value::Integer(line.at.millis()));
            Value::Structure(event.with("message", line.text.as_str()))
        });
        self.call("PutLogEvents", self.names().with("logEvents", Value::List(events.collect()))).await
    }

    /// Makes the stream, and the group where it is API Gateway's own.
    async fn make(&self, with_group: bool) -> Result<(), Fault> {
        match existing_is_fine(self.call("CreateLogStream", self.names()).await) {
            Err(fault) if with_group && fault.code == "ResourceNotFoundException" => {
                let group = Structure::new().with("logGroupName", self.group);
                existing_is_fine(self.call("CreateLogGroup", group).await)?;
                existing_is_fine(self.call("CreateLogStream", self.names()).await)
            }
            other => other,
        }
    }
}

fn existing_is_fine(made: Result<(), Fault>) -> Result<(), Fault> {
    match made {
        Err(fault) if fault.code == "ResourceAlreadyExistsException" => Ok(()),
        other => other,
    }
}

/// Lines in the portions that `PutLogEvents` takes. They stand in the order of their times: that is how they were pushed.
fn batches(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fits = |line: &&Line| {
            bytes = bytes.saturating_add(line.text.len() + LINE_OVERHEAD_BYTES);
            bytes <= BATCH_BYTES_MAX
        };
        let count = rest.iter().take(BATCH_LINES_MAX).take_while(fits).count();
        let (batch, after) = rest.split_at_checked(count.max(1))?;
        rest = after;
        Some(batch)
    })
}
