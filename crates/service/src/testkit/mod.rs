//! A whole platform in memory for a service's tests: real store, directory, policies and audit, a clock held by hand.
//!
//! Nothing is mocked but time and the network: calls go through the pipeline, so a test sees what a client would. For
//! tests only; panics are its way to fail.
#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "for tests only")]

mod alone;
pub mod before;
pub mod between;
pub mod compliance;
mod members;

use std::any::Any;
use std::sync::Arc;

use base::{AccountId, Clock, Region, Timestamp};
use crypto::RootKey;
use identity::records::{InlinePolicy, RoleRecord, UserRecord, keys};
use identity::{AssumedRole, Directory, Principal, User, ids};
use observe::{AuditTrail, Query};
use protocol::{Fault, FromValue, IntoValue, Operation, Redact};
use serde_json::{Value, json};
use store::Store;

use crate::call::{Marks, Source};
use crate::pipeline::{Pipeline, PipelineParts};
use crate::registry::Service;
use crate::throttle::Rate;

pub use members::Members;

/// What services are built on.
pub struct Foundation {
    /// Empty, and gone with the kit.
    pub store: Store,
    /// Holds the account.
    pub directory: Directory,
    /// Stands still until a test moves it.
    pub clock: Clock,
    /// `123456789012`
    pub account: AccountId,
    /// `us-east-1`
    pub region: Region,
}

/// A platform in memory.
pub struct TestKit {
    /// The way to the services.
    pub pipeline: Pipeline,
    /// The time; move it with `advance_millis`.
    pub clock: Clock,
    /// The account.
    pub account: AccountId,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

/// When every kit begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_secs(1_767_225_600);

impl TestKit {
    /// A platform with the services that `build` makes.
    pub async fn start(build: impl FnOnce(&Foundation) -> Vec<Service>) -> Self {
        Self::start_with(Rate::DEFAULT, build).await
    }

    /// The same with a rate of calls of its own.
    pub async fn start_with(rate: Rate, build: impl FnOnce(&Foundation) -> Vec<Service>) -> Self {
        let clock = Clock::manual(START);
        let store = Store::ephemeral_at(clock.clone()).expect("an ephemeral store");
        Self::over(store, clock, rate, build).await
    }

    /// A platform over a store that exists: what a restart would see.
    pub async fn over(
        store: Store,
        clock: Clock,
        rate: Rate,
        build: impl FnOnce(&Foundation) -> Vec<Service>,
    ) -> Self {
        let keys = RootKey::ephemeral();
        let account: AccountId = "123456789012".parse().expect("an account id");
        let region: Region = "us-east-1".parse().expect("a region");
        let directory = Directory::new(store.clone(), keys.derive("sessions"));
        directory.bootstrap_account(account, None, clock.now()).await.expect("an account");
        let foundation = Foundation {
            store: store.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
            account,
            region: region.clone(),
        };
        let services = build(&foundation);
        let audit = AuditTrail::new(store.clone()).expect("an audit trail");
        let message_sealer = keys.derive("messages");
        let parts = PipelineParts {
            services,
            directory,
            audit,
            store,
            clock: clock.clone(),
            home: account,
            region,
            rate,
            message_sealer,
        };
        Self { pipeline: Pipeline::new(parts), clock, account, kept: Vec::new() }
    }

    /// Keeps something that the services need, a folder for example, until the kit goes.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(thing));
        self
    }

    /// The account's root user.
    pub fn administrator(&self) -> Arc<Principal> {
        Arc::new(Principal::root(self.account))
    }

    /// A new user whose inline policy has these statements; none for a user without any right.
    pub async fn user(&self, name: &str, statements: Value) -> Arc<Principal> {
        let user_id = ids::entity(ids::USER);
        let record = UserRecord {
            name: name.to_owned(),
            path: "/".to_owned(),
            user_id: user_id.clone(),
            created_at: self.clock.now(),
            tags: Vec::new(),
            inline: inline(&statements),
            attached: Vec::new(),
            groups: Vec::new(),
            boundary: None,
        };
        let directory = self.pipeline.directory();
        let written: Result<(), identity::DirectoryError> = self
            .pipeline
            .store()
            .transact(|tx| {
                directory.edit(tx, self.account).put(keys::USERS, &keys::named(self.account, name), &record)
            })
            .await;
        written.expect("a user");
        Arc::new(Principal::User(User::new(self.account, "/", name, user_id, "AKIATEST")))
    }

    /// A session of a new role that trusts `trusted` (a `Principal` element) and whose inline policy has these
    /// statements.
    pub async fn role(&self, name: &str, trusted: Value, statements: Value) -> Arc<Principal> {
        let role_id = ids::entity(ids::ROLE);
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}]});
        let record = RoleRecord {
            name: name.to_owned(),
            path: "/".to_owned(),
            role_id: role_id.clone(),
            created_at: self.clock.now(),
            trust: trust.to_string(),
            session_secs_max: 3_600,
            description: None,
            tags: Vec::new(),
            inline: inline(&statements),
            attached: Vec::new(),
            boundary: None,
        };
        let directory = self.pipeline.directory();
        let written: Result<(), identity::DirectoryError> = self
            .pipeline
            .store()
            .transact(|tx| {
                directory.edit(tx, self.account).put(keys::ROLES, &keys::named(self.account, name), &record)
            })
            .await;
        written.expect("a role");
        Arc::new(Principal::AssumedRole(AssumedRole::new(self.account, "/", name, role_id, "session")))
    }

    /// Calls an operation with its own types.
    ///
    /// # Errors
    /// What the caller would be answered.
    pub async fn call<O: Operation>(
        &self,
        who: &Arc<Principal>,
        input: O::Input,
    ) -> Result<O::Output, Fault> {
        let source = Source { via: Vec::new(), ..Source::platform("test") };
        let input = input.into_value();
        let output = self.pipeline.invoke(Arc::clone(who), source, O::SERVICE, O::NAME, input).await?;
        Ok(O::Output::from_value(output).expect("an answer that fits its model"))
    }

    /// Calls an operation with JSON in the model's own member names.
    ///
    /// # Errors
    /// What the caller would be answered.
    pub async fn json(
        &self,
        who: &Arc<Principal>,
        service: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Value, Fault> {
        invoke_json(&self.pipeline, who, (service, operation), input, test()).await
    }

    /// What a call leaves receipts of, made by the administrator for somebody's marks.
    ///
    /// # Errors
    /// What the caller would be answered.
    pub async fn receipts(
        &self,
        service: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Vec<String>, Fault> {
        let of = format!("{operation} {input}");
        let marks: Arc<Marks> = Arc::from([("aws:cloudformation:logical-id".to_owned(), of)]);
        let source = Source { marks: Some(Arc::clone(&marks)), ..test() };
        invoke_json(&self.pipeline, &self.administrator(), (service, operation), input, source).await?;
        Ok(crate::receipts::unsettled(self.pipeline.store(), &marks).expect("the store answers"))
    }

    /// The account's audit records so far, newest first, as CloudTrail would show them.
    pub async fn records(&self) -> Vec<Value> {
        self.records_of(self.account).await
    }

    /// The same of another account.
    pub async fn records_of(&self, account: AccountId) -> Vec<Value> {
        self.pipeline.audit().flush().await.expect("a trail that can be written");
        let query = Query { account, attribute: None, start: None, end: None, limit: 10_000, after: None };
        let page = self.pipeline.audit().query(&query).await.expect("a trail that can be read");
        page.events.iter().map(|event| serde_json::from_str(&event.json).expect("a record in JSON")).collect()
    }
}

async fn invoke_json(
    pipeline: &Pipeline,
    who: &Arc<Principal>,
    (service, operation): (&str, &str),
    input: &Value,
    source: Source,
) -> Result<Value, Fault> {
    let model = protocol::model(service).and_then(|model| model.operation(operation));
    let model = model.unwrap_or_else(|| panic!("{service} has no {operation}"));
    let input = match model.input() {
        Some(shape) => protocol::value_from_json(shape, input)?,
        None => protocol::Value::default(),
    };
    let output = pipeline.invoke(Arc::clone(who), source, service, operation, input).await?;
    Ok(model.output().map_or(Value::Null, |shape| protocol::value_to_json(shape, &output, Redact::No)))
}

fn test() -> Source {
    Source { via: Vec::new(), ..Source::platform("test") }
}

fn inline(statements: &Value) -> Vec<InlinePolicy> {
    match statements {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => Vec::new(),
        _ => {
            let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            vec![InlinePolicy { name: "inline".to_owned(), document }]
        }
    }
}
