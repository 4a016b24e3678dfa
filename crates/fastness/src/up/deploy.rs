//! Creates or updates the stack as the administrator, through the pipeline, and tells its events as they happen.
//!
//! It knows CloudFormation's API and nothing behind it: what anyone can do with `aws cloudformation`, no more.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloudformation::api;
use identity::Principal;
use protocol::{Bytes, Fault, FromValue, IntoValue, Operation, Structure, Value};
use serde_json::json;
use service::{Pipeline, Source};
use template::Document;

use crate::Error;
use crate::args::OnFailure;
use crate::artifacts::{Place, key_of};
use crate::choices::Choices;
use crate::deploy::{self, Failures, own_bucket_name};
use crate::terminal;
use crate::trail::{Page, Trail};

/// Deploys stacks with the administrator's rights. Clones share the way to the platform.
#[derive(Clone)]
pub(crate) struct Deployer {
    pipeline: Pipeline,
    administrator: Arc<Principal>,
}

/// What became of a deployment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deployed {
    /// The stack is new.
    Created,
    /// The stack was changed.
    Updated,
    /// The template says what is there already.
    Unchanged,
}

/// A deployment that did not succeed: the stack's state, and what failed on the way.
#[derive(Debug, thiserror::Error)]
#[error("the stack `{stack}` ended in {status}{}", self.told())]
pub(crate) struct StackFailed {
    stack: String,
    status: String,
    /// What the stack itself says.
    reason: Option<String>,
    failures: Failures,
    /// True where it was to be deleted: the template to be deployed tells of another stack then.
    is_deletion: bool,
}

impl StackFailed {
    /// Says where in the template its failures stand.
    pub(crate) fn place(&mut self, document: &Document, template: &Path) {
        if !self.is_deletion {
            self.failures.place(document, template);
        }
    }

    /// The failures, each on a line; why the stack failed, where none is told.
    fn told(&self) -> String {
        let reason = self.reason.as_deref().filter(|_| self.failures.is_empty()).map(terminal::line);
        let lines = self.failures.lines().chain(reason.map(|reason| reason.to_string()));
        lines.map(|line| format!("\n  {line}")).collect()
    }

    /// For programs, in `deploy`'s words.
    pub(crate) fn json(&self) -> serde_json::Value {
        let Self { stack, status, reason, failures, .. } = self;
        json!({ "stackName": stack, "status": status, "reason": reason, "failures": failures.json() })
    }
}

/// What CloudFormation does not take.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Refused {
    code: String,
    /// Why.
    pub(crate) message: String,
}

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// IAM resources, names given to them, and the SAM transform: running `up` on a template says yes to them, where no file says less.
const CAPABILITIES: [&str; 3] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// What a function asks to run on.
pub(crate) struct RunsOn {
    /// Its logical id.
    pub(crate) function: String,
    pub(crate) runtime: String,
    pub(crate) architecture: String,
}

impl Deployer {
    pub(crate) fn new(pipeline: Pipeline) -> Self {
        let administrator = Arc::new(Principal::root(pipeline.home()));
        Self { pipeline, administrator }
    }

    async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        let answer = self.ask(O::SERVICE, O::NAME, input.into_value()).await?;
        O::Output::from_value(answer).map_err(|_| Fault::internal())
    }

    async fn ask(&self, service: &str, operation: &str, input: Value) -> Result<Value, Fault> {
        let mut source = Source::platform("fastness up");
        source.via.clear();
        self.pipeline.invoke(Arc::clone(&self.administrator), source, service, operation, input).await
    }

    /// Puts something into the account's own bucket for packages, which is made where it is not there. The key is its digest.
    pub(super) async fn put(&self, bytes: Vec<u8>, extension: &str) -> Result<Place, Error> {
        let bucket = own_bucket_name(self.pipeline.home().as_str(), self.pipeline.region().as_str());
        let key = key_of(&bytes, extension);
        let bytes = Bytes::from(bytes);
        let place = Structure::new().with("Bucket", bucket.as_str());
        let put = || place.clone().with("Key", key.as_str()).with("Body", bytes.clone());
        let mut answer = self.ask("s3", "PutObject", Value::Structure(put())).await;
        if answer.as_ref().is_err_and(|fault| fault.code == "NoSuchBucket") {
            self.make_bucket(place.clone()).await.map_err(|fault| words(&fault))?;
            answer = self.ask("s3", "PutObject", Value::Structure(put())).await;
        }
        answer.map_err(|fault| words(&fault))?;
        Ok(Place { bucket, key })
    }

    async fn make_bucket(&self, place: Structure) -> Result<(), Fault> {
        let region = self.pipeline.region().as_str();
        // The first region's is not named.
        let input = match region {
            "us-east-1" => place,
            _ => {
                let configuration = Structure::new().with("LocationConstraint", region);
                place.with("CreateBucketConfiguration", Value::Structure(configuration))
            }
        };
        self.ask("s3", "CreateBucket", Value::Structure(input)).await.map(drop)
    }

    /// The stack as it stands, if there is one.
    pub(crate) async fn stack(&self, name: &str) -> Result<Option<api::Stack>, Error> {
        let input = api::DescribeStacksInput { stack_name: Some(name.to_owned()), next_token: None };
        match self.call::<api::DescribeStacks>(input).await {
            Ok(answer) => Ok(answer.stacks.and_then(|stacks| stacks.into_iter().next())),
            Err(fault) if fault.message.contains("does not exist") => Ok(None),
            Err(fault) => Err(words(&fault)),
        }
    }

    /// The stack's resources: logical id, type, physical id.
    pub(crate) async fn resources(&self, name: &str) -> Result<Vec<(String, String, String)>, Error> {
        let mut resources = Vec::new();
        let mut next_token = None;
        loop {
            let input = api::ListStackResourcesInput { stack_name: name.to_owned(), next_token };
            let answer = self.call::<api::ListStackResources>(input).await.map_err(|fault| words(&fault))?;
            let page = answer.stack_resource_summaries.unwrap_or_default().into_iter();
            resources.extend(page.map(|resource| {
                let physical = resource.physical_resource_id.unwrap_or_default();
                (resource.logical_resource_id, resource.resource_type, physical)
            }));
            next_token = answer.next_token;
            if next_token.is_none() {
                return Ok(resources);
            }
        }
    }

    /// What the stack's functions ask to run on.
    pub(crate) async fn runtimes(&self, name: &str) -> Result<Vec<RunsOn>, Error> {
        let mut runtimes = Vec::new();
        for (id, kind, function_name) in self.resources(name).await? {
            if kind != "AWS::Lambda::Function" {
                continue;
            }
            let input = lambda::api::GetFunctionConfigurationRequest { function_name, ..Default::default() };
            let found = self.call::<lambda::api::GetFunctionConfiguration>(input).await;
            // One that went away meanwhile runs on nothing.
            runtimes.extend(found.ok().and_then(|found| {
                let architecture = found.architectures.unwrap_or_default().into_iter().next();
                Some(RunsOn { function: id, runtime: found.runtime?, architecture: architecture? })
            }));
        }
        Ok(runtimes)
    }

    /// The stages that the stack declares for its REST APIs: API id and stage name.
    pub(crate) async fn stages(&self, name: &str) -> Result<Vec<(String, String)>, Error> {
        let resources = self.resources(name).await?;
        let declared = |stage: &String| {
            resources.iter().any(|(_, kind, id)| kind == "AWS::ApiGateway::Stage" && id == stage)
        };
        let mut stages = Vec::new();
        for (_, _, api) in resources.iter().filter(|(_, kind, _)| kind == "AWS::ApiGateway::RestApi") {
            let input = apigateway::api::GetStagesRequest { rest_api_id: api.clone(), ..Default::default() };
            let answer =
                self.call::<apigateway::api::GetStages>(input).await.map_err(|fault| words(&fault))?;
            let found = answer.item.unwrap_or_default().into_iter().filter_map(|stage| stage.stage_name);
            stages.extend(found.filter(declared).map(|stage| (api.clone(), stage)));
        }
        Ok(stages)
    }

    /// Creates the stack, or updates it where it exists; each event goes to `tell` once.
    pub(crate) async fn deploy(
        &self,
        name: &str,
        template: String,
        choices: Choices,
        mut tell: impl FnMut(&api::StackEvent),
    ) -> Result<Deployed, Error> {
        let existing = self.ready(name, &mut tell).await?;
        let mut trail = self.trail(name).await?;
        let is_kept = choices.on_failure == Some(OnFailure::DoNothing);
        let input = input_of(name, template, choices);
        let started = match existing {
            None => self.call::<api::CreateStack>(input).await.map(|_| ()),
            Some(stack) => {
                let goes_on = (is_kept || deploy::is_half_way(&stack.stack_status)).then_some(true);
                let input = api::UpdateStackInput { disable_rollback: goes_on, ..updating(input) };
                self.call::<api::UpdateStack>(input).await.map(|_| ())
            }
        };
        match started {
            Err(fault) if fault.message.contains("No updates are to be performed") => {
                return Ok(Deployed::Unchanged);
            }
            Err(fault) => return Err(words(&fault)),
            Ok(()) => {}
        }
        let ended = self.settle(name, &mut trail, &mut tell).await?;
        match ended.status.as_str() {
            "CREATE_COMPLETE" => Ok(Deployed::Created),
            "UPDATE_COMPLETE" => Ok(Deployed::Updated),
            _ => Err(self.failed(ended, false).await?.into()),
        }
    }

    /// The stack, once it may be created or updated.
    async fn ready(
        &self,
        name: &str,
        tell: &mut impl FnMut(&api::StackEvent),
    ) -> Result<Option<api::Stack>, Error> {
        let Some(mut stack) = self.stack(name).await? else { return Ok(None) };
        if is_at_work(&stack.stack_status) {
            // What the last stop interrupted goes on by itself, and comes first.
            let mut trail = self.trail(name).await?;
            self.settle(name, &mut trail, tell).await?;
            match self.stack(name).await? {
                Some(settled) => stack = settled,
                None => return Ok(None),
            }
        }
        let stuck = |advice: &str| {
            let status = &stack.stack_status;
            Error::from(format!("the stack `{name}` is in {status}: {advice}"))
        };
        match stack.stack_status.as_str() {
            // What may hold data is not removed unasked.
            status @ "DELETE_FAILED" => Err(deploy::stuck(name, status).into()),
            // A creation that was rolled back leaves nothing that anyone used; only its removal frees the name.
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => {
                let input = api::DeleteStackInput { stack_name: name.to_owned(), ..Default::default() };
                self.call::<api::DeleteStack>(input).await.map_err(|fault| words(&fault))?;
                let mut trail = self.trail(name).await?;
                let ended = self.settle(name, &mut trail, tell).await?;
                match ended.status.as_str() {
                    "DELETE_COMPLETE" => Ok(None),
                    _ => Err(self.failed(ended, true).await?.into()),
                }
            }
            // What stopped half-way is tried again, from where it stopped.
            "CREATE_FAILED" | "UPDATE_FAILED" => Ok(Some(stack)),
            "UPDATE_ROLLBACK_FAILED" => Err(stuck(
                "`aws cloudformation continue-update-rollback` goes on with the way back, and skips what cannot go back where \
                 --resources-to-skip names it; then it can be updated again",
            )),
            "REVIEW_IN_PROGRESS" => Err(stuck(
                "a change set waits for it; execute it, or `aws cloudformation delete-stack` removes the stack",
            )),
            _ => Ok(Some(stack)),
        }
    }

    /// Waits until nothing is in progress; answers how it ended, and what failed on the way.
    async fn settle(
        &self,
        name: &str,
        trail: &mut Trail,
        tell: &mut impl FnMut(&api::StackEvent),
    ) -> Result<StackFailed, Error> {
        let mut failures = Failures::default();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let stack = self.stack(name).await?;
            for event in self.news(name, trail).await? {
                failures.note(&event);
                tell(&event);
            }
            let (status, reason) = match stack {
                Some(stack) => (stack.stack_status, stack.stack_status_reason),
                None => ("DELETE_COMPLETE".to_owned(), None),
            };
            if !is_at_work(&status) {
                let stack = name.to_owned();
                return Ok(StackFailed { stack, status, reason, failures, is_deletion: false });
            }
        }
    }

    /// An end that was not wanted, with what failed in the stacks within.
    async fn failed(&self, mut ended: StackFailed, is_deletion: bool) -> Result<StackFailed, Error> {
        ended.is_deletion = is_deletion;
        while let Some(nested) = ended.failures.next_nested() {
            let events = self.news(&nested.id, &mut Trail::default()).await?;
            ended.failures.look_into(&nested, &events, is_deletion);
        }
        Ok(ended)
    }

    /// The trail of a stack's events, behind those that there are.
    async fn trail(&self, name: &str) -> Result<Trail, Error> {
        Ok(Trail::behind(self.page_of_events(name, None).await?))
    }

    /// The events since the last time, oldest first.
    async fn news(&self, name: &str, trail: &mut Trail) -> Result<Vec<api::StackEvent>, Error> {
        let mut next = trail.take(self.page_of_events(name, None).await?);
        while let Some(token) = next {
            next = trail.take(self.page_of_events(name, Some(token)).await?);
        }
        Ok(trail.news())
    }

    async fn page_of_events(&self, name: &str, next_token: Option<String>) -> Result<Page, Error> {
        let input = api::DescribeStackEventsInput { stack_name: name.to_owned(), next_token };
        match self.call::<api::DescribeStackEvents>(input).await {
            Ok(answer) => Ok((answer.stack_events.unwrap_or_default(), answer.next_token)),
            Err(fault) if fault.message.contains("does not exist") => Ok((Vec::new(), None)),
            Err(fault) => Err(words(&fault)),
        }
    }
}

fn input_of(name: &str, template: String, choices: Choices) -> api::CreateStackInput {
    let parameter = |(key, value)| api::Parameter {
        parameter_key: Some(key),
        parameter_value: Some(value),
        ..Default::default()
    };
    let tags: Vec<api::Tag> = choices.tags.into_iter().map(|(key, value)| api::Tag { key, value }).collect();
    let said = Some(choices.capabilities).filter(|said| !said.is_empty());
    api::CreateStackInput {
        stack_name: name.to_owned(),
        template_body: Some(template),
        parameters: Some(choices.parameters.into_iter().map(parameter).collect()),
        capabilities: Some(said.unwrap_or_else(|| CAPABILITIES.map(str::to_owned).to_vec())),
        tags: Some(tags).filter(|tags| !tags.is_empty()),
        role_arn: choices.role_arn,
        on_failure: choices.on_failure.map(|what| what.word().to_owned()),
        ..Default::default()
    }
}

fn updating(input: api::CreateStackInput) -> api::UpdateStackInput {
    api::UpdateStackInput {
        stack_name: input.stack_name,
        template_body: input.template_body,
        parameters: input.parameters,
        capabilities: input.capabilities,
        tags: input.tags,
        role_arn: input.role_arn,
        ..Default::default()
    }
}

/// True where a state is to be waited out.
fn is_at_work(status: &str) -> bool {
    // A stack in review waits for people.
    status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

fn words(fault: &Fault) -> Error {
    Refused { code: fault.code.to_string(), message: fault.message.clone() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stack_tells_each_resource_with_its_line() {
        let text = "Resources:\n  Group:\n    Type: AWS::Logs::LogGroup\n";
        let document = Document::parse(text).unwrap();
        let mut failures = Failures::default();
        failures.note(&api::StackEvent {
            logical_resource_id: Some("Group".to_owned()),
            resource_type: Some("AWS::Logs::LogGroup".to_owned()),
            resource_status: Some("CREATE_FAILED".to_owned()),
            resource_status_reason: Some("no\nroom \u{1b}[2J".to_owned()),
            ..api::StackEvent::default()
        });
        let mut failed = StackFailed {
            stack: "s".to_owned(),
            status: "ROLLBACK_COMPLETE".to_owned(),
            reason: Some("not told where something else is".to_owned()),
            failures,
            is_deletion: false,
        };
        failed.place(&document, Path::new("t.yaml"));
        let told = "the stack `s` ended in ROLLBACK_COMPLETE\n  t.yaml, line 2: Group (AWS::Logs::LogGroup): no\\u000aroom \\u001b[2J";
        assert_eq!(failed.to_string(), told);
    }
}
