//! The life of a request to a stage: route, authorize, throttle, validate, integrate, answer.
//!
//! It decides nothing itself; each step below belongs to a module of its own.

mod log;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use identity::Principal;
use identity::sigv4::Verifier;
use serde_json::{Value, json};
use service::observation::Observation;
use service::{Pipeline, Source};

pub use trial::{Trial, TrialError, Tried};

use crate::address::Address;
use crate::audit::Told;
use crate::authorize::{Admitted, Denied, Question, sentence};
use crate::authorizer::{self, Verdict};
use crate::event::{Invocation, request_time};
use crate::function::Target;
use crate::gateway::{BODY_BYTES_MAX, INTEGRATION_MILLIS_MAX, Ids};
use crate::logs::Logs;
use crate::mock;
use crate::own_answer;
use crate::plans::{Admission, Plans};
use crate::proxy;
use crate::records::{Authorization, DeployedMethod, Integration, KeyValue};
use crate::refusal::{HEAD_BYTES_MAX, Refusal};
use crate::route::RequestPath;
use crate::stages::LiveStage;
use crate::throttle::Bucket;
use crate::validate;
use crate::variables::Variables;

/// The methods that an API may have; `ANY` stands for these and no others.
// SECURITY: to HTTP, `delete` is another method than `DELETE`, and so it is to a policy; to many a function it is not.
const METHODS: [Method; 7] =
    [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS, Method::PATCH, Method::POST, Method::PUT];

/// A request to a stage that is there, and all that answering it takes.
pub(crate) struct Exchange<'r> {
    pub(crate) pipeline: &'r Pipeline,
    pub(crate) verifier: &'r Verifier,
    /// What is recorded of strangers.
    pub(crate) strangers: &'r Bucket,
    pub(crate) plans: &'r Plans,
    pub(crate) logs: &'r Logs,
    pub(crate) stage: &'r LiveStage,
    pub(crate) address: &'r Address<'r>,
    pub(crate) head: &'r Parts,
    pub(crate) body: &'r Bytes,
    pub(crate) source: &'r Source,
    pub(crate) ids: &'r Ids,
    pub(crate) now: Timestamp,
}

/// What is known of a request, as far as it came.
#[derive(Default)]
struct Progress<'r> {
    routed: Option<Routed<'r>>,
    caller: Caller,
    /// What the caller is told of observe mode.
    observation: Observation,
    /// How long the integration took, in milliseconds.
    integration_millis: Option<i64>,
}

/// A request that found its method.
struct Routed<'r> {
    method: &'r DeployedMethod,
    place: usize,
    parameters: Vec<(String, String)>,
    path: RequestPath<'r>,
}

/// Who was found to call: by a signature, or by what a function said.
#[derive(Default)]
struct Caller {
    principal: Option<Arc<Principal>>,
    verdict: Option<Verdict>,
    /// The id of the API key that is good for this call.
    key_id: Option<String>,
}

impl<'r> Exchange<'r> {
    /// The answer. It never fails: every refusal is an answer, as the API's owner wants it.
    pub(crate) async fn answer(&self) -> Response<Bytes> {
        let mut progress = Progress::default();
        let served = self.serve(&mut progress).await;
        let refusal = served.as_ref().err().cloned();
        let mut response = served.unwrap_or_else(|refusal| self.refuse(refusal, &progress));
        progress.observation.tell(response.headers_mut());
        self.log(&response, refusal.as_ref(), &progress);
        response
    }

    async fn serve(&self, progress: &mut Progress<'r>) -> Result<Response<Bytes>, Refusal> {
        if self.body.len() > BODY_BYTES_MAX {
            return Err(Refusal::too_large());
        }
        if head_bytes(self.head) > HEAD_BYTES_MAX {
            return Err(Refusal::head_too_large());
        }
        let Progress { routed, caller, observation, integration_millis } = progress;
        let routed = routed.insert(self.route()?);
        // A function that tells callers apart is called for strangers: their rate is held before it is.
        let asks = routed.method.authorization == Authorization::Custom;
        if asks && !self.stage.admits(routed.place, self.now) {
            return Err(Refusal::throttled());
        }
        *caller = self.authorize(routed, observation).await?;
        let admission = self.admit(routed, caller)?;
        caller.key_id = admission.as_ref().map(|admission| admission.key_id().to_owned());
        if !asks && !self.stage.admits(routed.place, self.now) {
            return Err(Refusal::throttled());
        }
        if let Some(admission) = admission {
            admission.count(self.now)?;
        }
        self.validate(routed)?;
        let began = self.pipeline.clock().now();
        let answer = self.integrate(routed, caller).await;
        *integration_millis = Some(self.pipeline.clock().now().millis_since(began));
        answer
    }

    fn validate(&self, routed: &Routed<'r>) -> Result<(), Refusal> {
        let Some(validation) = &routed.method.validation else { return Ok(()) };
        let given = validate::Given {
            headers: &self.head.headers,
            query: self.query(),
            path: &routed.parameters,
            body: self.body,
        };
        validate::check(validation, &self.stage.schemas, &given)
    }

    fn query(&self) -> &'r str {
        self.head.uri.query().unwrap_or_default()
    }

    fn route(&self) -> Result<Routed<'r>, Refusal> {
        if !METHODS.contains(&self.head.method) {
            return Err(Refusal::no_such_method());
        }
        let path = RequestPath::new(self.address.path);
        let found = self.stage.router.find(self.head.method.as_str(), &path);
        let found = found.ok_or_else(Refusal::no_such_method)?;
        let method = self.stage.deployment.api.methods.get(found.method);
        let method = method.ok_or_else(Refusal::no_such_method)?;
        Ok(Routed { method, place: found.method, parameters: found.parameters, path })
    }

    /// The key's place in a plan of the stage, where the method asks for a key.
    // SECURITY: behind the caller's own proof, so that keys are not tried by whoever may not call anyway.
    fn admit(&self, routed: &Routed<'r>, caller: &Caller) -> Result<Option<Admission>, Refusal> {
        if !routed.method.api_key_required {
            return Ok(None);
        }
        let digest = if self.stage.deployment.api.keys_by_authorizer {
            caller.verdict.as_ref().and_then(|verdict| verdict.key)
        } else {
            self.sent_key().map(|key| KeyValue::new(key).digest())
        };
        let digest = digest.ok_or_else(Refusal::bad_key)?;
        self.plans.admit(&digest, self.stage, routed.method, self.now).map(Some)
    }

    fn sent_key(&self) -> Option<&'r str> {
        self.head.headers.get("x-api-key")?.to_str().ok().filter(|key| !key.is_empty())
    }

    async fn integrate(&self, routed: &Routed<'r>, caller: &Caller) -> Result<Response<Bytes>, Refusal> {
        match &routed.method.integration {
            Integration::Mock(mock) => {
                let patterns = self.stage.patterns.get(routed.place).map(Vec::as_slice).unwrap_or_default();
                let asked = mock::Asked {
                    stage: &self.stage.record.variables,
                    headers: &self.head.headers,
                    query: self.query(),
                    path: &routed.parameters,
                    body: self.body,
                    context: &|| self.routed_context(routed, caller),
                };
                mock::answer(mock, patterns, &asked)
            }
            Integration::LambdaProxy { function, credentials, timeout_millis } => {
                let target = Target {
                    pipeline: self.pipeline,
                    function,
                    credentials,
                    variables: &self.stage.record.variables,
                    caller: caller.principal.as_ref(),
                    source_arn: self.source_arn(routed),
                    source_account: self.stage.record.account,
                    source: self.source,
                    timeout: Duration::from_millis((*timeout_millis).min(INTEGRATION_MILLIS_MAX).into()),
                    now: self.now,
                };
                let event = self.event(routed, self.body, caller);
                let payload = target.invoke(event.to_string().into_bytes()).await?;
                let accept =
                    self.head.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
                proxy::answer(&payload, self.stage.binary_types.contain(accept)).map_err(|error| {
                    let api = &self.stage.record.rest_api_id;
                    tracing::warn!(api, %error, "a function's answer is not handed on");
                    Refusal::malformed_answer()
                })
            }
        }
    }

    async fn authorize(&self, routed: &Routed<'r>, observation: &mut Observation) -> Result<Caller, Refusal> {
        let question = Question {
            pipeline: self.pipeline,
            verifier: self.verifier,
            stage: self.stage,
            method: routed.method,
            head: self.head,
            path: &routed.path,
            body: self.body,
            source: self.source,
            now: self.now,
            request_id: &self.ids.request,
        };
        let asked = match question.ask() {
            Ok(_) if routed.method.authorization == Authorization::Custom => {
                let request = self.event(routed, b"", &Caller::default());
                let verdict = Box::pin(authorizer::ask(&question, request)).await;
                verdict.map(|verdict| Caller { verdict: Some(verdict), ..Caller::default() })
            }
            Ok(admitted) => self.let_through(&question, admitted, observation).await,
            Err(denied) => Err(denied),
        };
        match asked {
            Ok(caller) => Ok(caller),
            Err(denied) => {
                *observation = Observation::of(&denied.principal, Vec::new());
                let (owners, callers) = Told::by_stage(&question, &denied);
                owners.record(&self.ids.request, self.strangers).await;
                if let Some(callers) = callers {
                    callers.record(&self.ids.request, self.strangers).await;
                }
                Err(denied.refusal)
            }
        }
    }

    /// A caller whom policies let in, or observe mode.
    // SECURITY: nobody is let in by observe mode without a record of it.
    async fn let_through(
        &self,
        question: &Question<'_>,
        admitted: Admitted,
        observation: &mut Observation,
    ) -> Result<Caller, Denied> {
        let told = Told::let_through(question, &admitted);
        let recorded = match told {
            Some(told) => told.write(&self.ids.request).await,
            None => Ok(()),
        };
        let Admitted { principal, missing } = admitted;
        let Some(principal) = principal else { return Ok(Caller::default()) };
        if recorded.is_err() {
            tracing::error!("what observe mode lets through could not be recorded");
            let refusal = Refusal::denied(sentence(&principal, &question.masked(&question.resource())));
            return Err(Denied::unproven(refusal, principal, "the call cannot be recorded"));
        }
        *observation = Observation::of(&principal, missing);
        Ok(Caller { principal: Some(principal), ..Caller::default() })
    }

    /// The ARN that a function's policy names: the method as called, the resource as declared.
    fn source_arn(&self, routed: &Routed<'r>) -> String {
        let stage = &self.stage.record;
        let (region, account) = (self.pipeline.region().as_str(), stage.account.as_str());
        let (id, name, path) = (&stage.rest_api_id, &stage.stage_name, &routed.method.resource_path);
        format!("arn:aws:execute-api:{region}:{account}:{id}/{name}/{}{path}", self.head.method.as_str())
    }

    fn event(&self, routed: &Routed<'r>, body: &[u8], caller: &Caller) -> Value {
        let protocol = format!("{:?}", self.head.version);
        let invocation = Invocation {
            stage: self.stage,
            method: routed.method,
            http_method: self.head.method.as_str(),
            path: &routed.path,
            parameters: &routed.parameters,
            query: self.query(),
            headers: &self.head.headers,
            body,
            domain_name: &self.address.domain_name,
            protocol: &protocol,
            source: self.source,
            caller: caller.principal.as_deref(),
            verdict: caller.verdict.as_ref(),
            key: caller.key_id.as_deref().map(|id| (id, self.sent_key().unwrap_or_default())),
            request_id: &self.ids.request,
            extended_request_id: &self.ids.extended,
            trace_id: &self.ids.trace,
            arrived: self.now,
        };
        invocation.event()
    }

    /// A refusal, as the API's owner wants it answered.
    fn refuse(&self, refusal: Refusal, progress: &Progress<'r>) -> Response<Bytes> {
        let responses = &self.stage.deployment.api.responses;
        if responses.is_empty() {
            return refusal.into_response();
        }
        let context = self.context(progress);
        own_answer::write(refusal, responses, &self.variables(&context, progress))
    }

    fn variables<'v>(&'v self, context: &'v Value, progress: &'v Progress<'r>) -> Variables<'v> {
        Variables {
            context,
            stage: &self.stage.record.variables,
            headers: &self.head.headers,
            query: self.query(),
            path: progress.routed.as_ref().map(|routed| routed.parameters.as_slice()).unwrap_or_default(),
        }
    }

    /// What `$context` names, of a request that found its method.
    fn routed_context(&self, routed: &Routed<'r>, caller: &Caller) -> Value {
        let mut event = self.event(routed, b"", caller);
        let mut context = event.get_mut("requestContext").map(Value::take).unwrap_or_default();
        // SECURITY: a key is told to the function that it is good for, and to no answer and no log.
        if let Some(identity) = context.get_mut("identity").and_then(Value::as_object_mut) {
            identity.remove("apiKey");
        }
        context
    }

    /// What `$context` names, of a request that came this far.
    fn context(&self, progress: &Progress<'r>) -> Value {
        if let Some(routed) = &progress.routed {
            return self.routed_context(routed, &progress.caller);
        }
        let stage = &self.stage.record;
        json!({
            "accountId": stage.account.as_str(),
            "apiId": stage.rest_api_id,
            "deploymentId": stage.deployment_id,
            "domainName": self.address.domain_name,
            "extendedRequestId": self.ids.extended,
            "httpMethod": self.head.method.as_str(),
            "identity": { "sourceIp": self.source.ip.to_string(), "userAgent": self.source.user_agent },
            "path": format!("/{}{}", stage.stage_name, self.address.path),
            "protocol": format!("{:?}", self.head.version),
            "requestId": &*self.ids.request,
            "requestTime": request_time(self.now),
            "requestTimeEpoch": self.now.millis(),
            "stage": stage.stage_name,
        })
    }
}

/// What counts against the quota of a head: the request line and the values of its headers.
fn head_bytes(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let line = head.method.as_str().len() + " ".len() + target + " HTTP/1.1".len();
    head.headers.values().fold(line, |bytes, value| bytes + value.len())
}
