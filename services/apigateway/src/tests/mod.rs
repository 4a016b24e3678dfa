//! The service through the whole pipeline, and what it deploys through the real gateway. Only the functions are
//! stand-ins: a `lambda` service whose policy and answer a test sets.

mod authorization;
mod control;
mod decisions;
mod guards;
mod import;
mod keys;
mod requests;
mod serving;
mod wire;

use std::sync::{Arc, Mutex};

use base::SecretString;
use bytes::Bytes;
use gateway::{Gateway, Stages};
use http::{Request, Response};
use identity::sigv4::{Signer, sign};
use identity::{RoleSession, Session, Subject as Whose};
use policy::{Policy, PolicyKind};
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;
use service::{Access, AccessRequest, Permit, Service, ServiceBuilder, Source, service_error};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";

/// A stand-in for Lambda: one function, with a policy and an answer.
#[derive(Default)]
struct Function {
    policy: Mutex<Option<String>>,
    answer: Mutex<Value>,
    /// What the function was called with, and by whom.
    calls: Mutex<Vec<(String, Value)>>,
}

struct Invoke;

impl protocol::Operation for Invoke {
    const SERVICE: &'static str = "lambda";
    const NAME: &'static str = "Invoke";
    type Input = protocol::Value;
    type Output = protocol::Value;
}

service_error! {
    /// What the stand-in refuses with.
    pub enum FunctionError {
        /// Never used.
        Unused = "ServiceException",
    }
}

fn access(
    function: &Function,
    request: &AccessRequest<'_, protocol::Value>,
) -> Result<Access, FunctionError> {
    let policy = function.policy.lock().unwrap();
    let policy = policy.as_ref().map(|text| Policy::parse(text, PolicyKind::Resource).unwrap());
    let protocol::Value::Structure(input) = request.input else { panic!("no input") };
    let name = input.str("FunctionName").unwrap();
    Ok(Access::to("lambda:InvokeFunction", name).resource_policy(policy))
}

async fn invoke(function: Arc<Function>, permit: Permit<Invoke>) -> Result<protocol::Value, FunctionError> {
    let protocol::Value::Structure(input) = permit.input else { panic!("no input") };
    let Some(protocol::Value::Blob(payload)) = input.get("Payload") else { panic!("no payload") };
    let event = serde_json::from_slice(payload).unwrap();
    function.calls.lock().unwrap().push((permit.call.principal().arn().to_owned(), event));
    let answer = function.answer.lock().unwrap().clone();
    if answer == json!("sleep") {
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    }
    let failed = (answer == json!("fail")).then(|| "Unhandled".to_owned());
    let payload = Bytes::from(answer.to_string());
    let answer = protocol::Structure::new().with("StatusCode", 200_i64).with("FunctionError", failed);
    Ok(protocol::Value::Structure(answer.with("Payload", payload)))
}

fn lambda(function: &Arc<Function>) -> Service {
    ServiceBuilder::new("lambda", Arc::clone(function))
        .operation::<Invoke, _, _, _, _>(access, invoke)
        .build()
}

/// A stand-in for STS, whose only role is `target`.
struct AssumeRole;

impl protocol::Operation for AssumeRole {
    const SERVICE: &'static str = "sts";
    const NAME: &'static str = "AssumeRole";
    type Input = protocol::Value;
    type Output = protocol::Value;
}

/// What the stand-in for STS shares.
struct Sts(identity::Directory);

fn assume_access(sts: &Sts, request: &AccessRequest<'_, protocol::Value>) -> Result<Access, FunctionError> {
    let protocol::Value::Structure(input) = request.input else { panic!("no input") };
    let arn = input.str("RoleArn").unwrap();
    let (_, role) = sts.0.role_by_arn(arn).unwrap().unwrap();
    Ok(Access::to("sts:AssumeRole", arn).trust_policy(Some(sts.0.trust_policy(&role).unwrap())))
}

async fn assume(sts: Arc<Sts>, permit: Permit<AssumeRole>) -> Result<protocol::Value, FunctionError> {
    let protocol::Value::Structure(input) = &permit.input else { panic!("no input") };
    let (account, role) = sts.0.role_by_arn(input.str("RoleArn").unwrap()).unwrap().unwrap();
    let session = Session {
        account,
        subject: Whose::Role(Box::new(RoleSession {
            role_name: role.name,
            role_id: role.role_id,
            session_name: input.str("RoleSessionName").unwrap().to_owned(),
            ..RoleSession::default()
        })),
        issued_at: permit.call.now(),
        expires_at: permit.call.now().plus_secs(3_600),
        mfa: false,
    };
    let made = sts.0.tokens().issue(&session).unwrap();
    let credentials = protocol::Structure::new()
        .with("AccessKeyId", made.access_key_id)
        .with("SecretAccessKey", made.secret.expose())
        .with("SessionToken", made.session_token.expose())
        .with("Expiration", made.expires_at);
    Ok(protocol::Value::Structure(protocol::Structure::new().with("Credentials", credentials)))
}

fn sts(directory: &identity::Directory) -> Service {
    let state = Arc::new(Sts(directory.clone()));
    ServiceBuilder::new("sts", state).operation::<AssumeRole, _, _, _, _>(assume_access, assume).build()
}

/// A platform with API Gateway, its data plane, and one function.
struct Platform {
    kit: TestKit,
    gateway: Gateway,
    function: Arc<Function>,
}

async fn platform() -> Platform {
    let (stages, function) = (Stages::default(), Arc::new(Function::default()));
    let kit = TestKit::start(|on| {
        vec![crate::service(on.store.clone(), stages.clone()), lambda(&function), sts(&on.directory)]
    })
    .await;
    let gateway = Gateway::new(kit.pipeline.clone(), stages);
    *function.answer.lock().unwrap() = json!({"statusCode": 200, "body": "hello"});
    Platform { kit, gateway, function }
}

/// An answer, its body read as JSON where it is.
#[derive(Debug)]
struct Answer {
    status: u16,
    error: String,
    headers: http::HeaderMap,
    body: Value,
}

impl Platform {
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Fault> {
        self.kit.json(&self.kit.administrator(), "apigateway", operation, &input).await
    }

    /// Lets API Gateway call the function for everything under this source ARN.
    fn permit_invocation(&self, source_arn: &str) {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "gateway", "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION,
            "Condition": {"ArnLike": {"AWS:SourceArn": source_arn}}}]});
        *self.function.policy.lock().unwrap() = Some(policy.to_string());
    }

    /// Imports a definition, deploys it as `prod`, and lets it call the function. Answers with the API's id.
    async fn deploy(&self, definition: Value) -> String {
        let body = definition.to_string();
        let import = crate::api::ImportRestApiRequest { body: Bytes::from(body), ..Default::default() };
        let api =
            self.kit.call::<crate::api::ImportRestApi>(&self.kit.administrator(), import).await.unwrap();
        let id = api.id.unwrap();
        self.call("CreateDeployment", json!({"restApiId": id, "stageName": "prod"})).await.unwrap();
        self.permit_invocation(&format!("arn:aws:execute-api:us-east-1:123456789012:{id}/*"));
        id
    }

    async fn send(&self, request: Request<&str>) -> Answer {
        let (mut head, body) = request.into_parts();
        let from = head.uri.authority().map(|authority| authority.as_str().to_owned());
        if let Some(host) = from {
            head.headers.insert("host", host.parse().unwrap());
        }
        let source =
            Source { ip: "192.0.2.7".parse().unwrap(), user_agent: "test/1".into(), ..Source::platform("t") };
        assert!(self.gateway.serves(&head));
        read(&self.gateway.handle(head, Bytes::copy_from_slice(body.as_bytes()), source).await)
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body("").unwrap()).await
    }

    /// Sends a request signed by a session of this role.
    async fn signed(&self, role: &identity::Principal, uri: &str, body: &str, spoil: bool) -> Answer {
        let identity::Principal::AssumedRole(role) = role else { panic!("not a role") };
        let session = Session {
            account: role.account,
            subject: Whose::Role(Box::new(RoleSession {
                role_name: role.role_name.clone(),
                role_id: role.role_id.clone(),
                session_name: "session".into(),
                ..RoleSession::default()
            })),
            issued_at: self.kit.clock.now(),
            expires_at: self.kit.clock.now().plus_secs(3_600),
            mfa: false,
        };
        let credentials = self.kit.pipeline.directory().tokens().issue(&session).unwrap();
        let other = SecretString::new("another secret");
        let secret = if spoil { &other } else { &credentials.secret };
        let token = Some(credentials.session_token.expose());
        self.signed_with((&credentials.access_key_id, secret, token), uri, body).await
    }

    /// Sends a request signed with this key, secret and token.
    async fn signed_with(
        &self,
        (access_key_id, secret, session_token): (&str, &SecretString, Option<&str>),
        uri: &str,
        body: &str,
    ) -> Answer {
        let signer = Signer {
            access_key_id,
            secret,
            session_token,
            region: "us-east-1",
            service: "execute-api",
            s3: false,
        };
        let mut request = Request::post(uri).header("content-type", "application/json").body(body).unwrap();
        let uri = request.uri().clone();
        let host = uri.authority().unwrap().as_str().parse().unwrap();
        request.headers_mut().insert("host", host);
        let now = self.kit.clock.now();
        let query = uri.query().unwrap_or_default();
        sign("POST", uri.path(), query, request.headers_mut(), body.as_bytes(), &signer, now).unwrap();
        self.send(request).await
    }

    fn last_event(&self) -> Value {
        self.function.calls.lock().unwrap().last().unwrap().1.clone()
    }

    fn last_caller(&self) -> String {
        self.function.calls.lock().unwrap().last().unwrap().0.clone()
    }
}

fn read(response: &Response<gateway::Body>) -> Answer {
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let text = String::from_utf8(response.body().bytes().to_vec()).unwrap();
    Answer {
        status: response.status().as_u16(),
        error: header("x-amzn-errortype").unwrap_or_default(),
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        headers: response.headers().clone(),
    }
}

fn uri(function: &str) -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations")
}

fn proxy() -> Value {
    json!({"type": "aws_proxy", "httpMethod": "POST", "uri": uri(FUNCTION)})
}

/// The mock that templates make for preflight requests.
fn preflight() -> Value {
    json!({"type": "mock", "requestTemplates": {"application/json": "{\n  \"statusCode\" : 200\n}\n"},
        "responses": {"default": {"statusCode": "200",
            "responseTemplates": {"application/json": "{}\n"},
            "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}}})
}

/// A definition as the SAM transform writes them: an open path, a signed one, and a greedy one.
fn definition() -> Value {
    json!({
        "swagger": "2.0",
        "info": {"version": "1.0", "title": "orders"},
        "paths": {
            "/open": {
                "get": {"x-amazon-apigateway-integration": proxy(), "security": [{"NONE": []}], "responses": {}},
                "options": {"x-amazon-apigateway-integration": preflight(), "summary": "CORS support",
                    "consumes": ["application/json"], "produces": ["application/json"], "security": [{"NONE": []}],
                    "responses": {"200": {"description": "Default response for CORS method",
                        "headers": {"Access-Control-Allow-Origin": {"type": "string"}}}}}},
            "/orders/{id}": {"post": {"x-amazon-apigateway-integration": proxy(), "responses": {},
                "security": [{"AWS_IAM": []}]}},
            "/any/{proxy+}": {"x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": proxy(), "security": [{"NONE": []}], "responses": {}}}
        },
        "securityDefinitions": {"AWS_IAM": {"x-amazon-apigateway-authtype": "awsSigv4", "type": "apiKey",
            "name": "Authorization", "in": "header"}},
        "security": [{"AWS_IAM": []}]
    })
}

fn samples() -> Vec<(&'static str, Value)> {
    let api = json!({"restApiId": "a1"});
    let with = |more: Value| {
        let mut input = api.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let method = || with(json!({"resourceId": "r1", "httpMethod": "GET"}));
    let response = || with(json!({"resourceId": "r1", "httpMethod": "GET", "statusCode": "200"}));
    let arn = "arn:aws:apigateway:us-east-1::/restapis/a1";
    vec![
        ("GetAccount", json!({})),
        ("UpdateAccount", json!({})),
        ("CreateRestApi", json!({"name": "n"})),
        ("ImportRestApi", json!({"body": "e30="})),
        ("PutRestApi", with(json!({"body": "e30="}))),
        ("GetRestApi", api.clone()),
        ("GetRestApis", json!({})),
        ("UpdateRestApi", with(json!({"patchOperations": []}))),
        ("DeleteRestApi", api.clone()),
        ("CreateResource", with(json!({"parentId": "r1", "pathPart": "p"}))),
        ("GetResource", with(json!({"resourceId": "r1"}))),
        ("GetResources", api.clone()),
        ("UpdateResource", with(json!({"resourceId": "r1"}))),
        ("UpdateMethodResponse", response()),
        ("UpdateIntegrationResponse", response()),
        ("TestInvokeMethod", method()),
        ("FlushStageAuthorizersCache", with(json!({"stageName": "s"}))),
        ("DeleteResource", with(json!({"resourceId": "r1"}))),
        ("PutMethod", with(json!({"resourceId": "r1", "httpMethod": "GET", "authorizationType": "NONE"}))),
        ("GetMethod", method()),
        ("UpdateMethod", method()),
        ("DeleteMethod", method()),
        ("PutMethodResponse", response()),
        ("GetMethodResponse", response()),
        ("DeleteMethodResponse", response()),
        ("PutIntegration", with(json!({"resourceId": "r1", "httpMethod": "GET", "type": "MOCK"}))),
        ("GetIntegration", method()),
        ("UpdateIntegration", method()),
        ("DeleteIntegration", method()),
        ("PutIntegrationResponse", response()),
        ("GetIntegrationResponse", response()),
        ("DeleteIntegrationResponse", response()),
        ("CreateAuthorizer", with(json!({"name": "a", "type": "TOKEN"}))),
        ("GetAuthorizer", with(json!({"authorizerId": "z1"}))),
        ("GetAuthorizers", api.clone()),
        ("UpdateAuthorizer", with(json!({"authorizerId": "z1"}))),
        ("DeleteAuthorizer", with(json!({"authorizerId": "z1"}))),
        ("CreateDeployment", api.clone()),
        ("GetDeployment", with(json!({"deploymentId": "d1"}))),
        ("GetDeployments", api.clone()),
        ("UpdateDeployment", with(json!({"deploymentId": "d1"}))),
        ("DeleteDeployment", with(json!({"deploymentId": "d1"}))),
        ("CreateStage", with(json!({"stageName": "s", "deploymentId": "d1"}))),
        ("GetStage", with(json!({"stageName": "s"}))),
        ("GetStages", api.clone()),
        ("UpdateStage", with(json!({"stageName": "s"}))),
        ("DeleteStage", with(json!({"stageName": "s"}))),
        ("GetTags", json!({"resourceArn": arn})),
        ("TagResource", json!({"resourceArn": arn, "tags": {"k": "v"}})),
        ("UntagResource", json!({"resourceArn": arn, "tagKeys": ["k"]})),
    ]
}

/// Samples of what methods ask for: models, validators, keys; and of the gateway's own answers.
fn samples_of_what_is_asked() -> Vec<(&'static str, Value)> {
    let api = json!({"restApiId": "a1"});
    let with = |more: Value| {
        let mut input = api.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        ("CreateModel", with(json!({"name": "M", "contentType": "application/json"}))),
        ("GetModel", with(json!({"modelName": "M"}))),
        ("GetModels", api.clone()),
        ("UpdateModel", with(json!({"modelName": "M"}))),
        ("DeleteModel", with(json!({"modelName": "M"}))),
        ("CreateRequestValidator", api.clone()),
        ("GetRequestValidator", with(json!({"requestValidatorId": "v1"}))),
        ("GetRequestValidators", api.clone()),
        ("UpdateRequestValidator", with(json!({"requestValidatorId": "v1"}))),
        ("DeleteRequestValidator", with(json!({"requestValidatorId": "v1"}))),
        ("PutGatewayResponse", with(json!({"responseType": "THROTTLED"}))),
        ("GetGatewayResponse", with(json!({"responseType": "THROTTLED"}))),
        ("GetGatewayResponses", api.clone()),
        ("UpdateGatewayResponse", with(json!({"responseType": "THROTTLED"}))),
        ("DeleteGatewayResponse", with(json!({"responseType": "THROTTLED"}))),
        ("CreateApiKey", json!({"name": "k"})),
        ("GetApiKey", json!({"apiKey": "k1"})),
        ("GetApiKeys", json!({})),
        ("UpdateApiKey", json!({"apiKey": "k1"})),
        ("DeleteApiKey", json!({"apiKey": "k1"})),
        ("ImportApiKeys", json!({"body": "bmFtZSxrZXkK", "format": "csv"})),
        ("CreateUsagePlan", json!({"name": "p"})),
        ("GetUsagePlan", json!({"usagePlanId": "p1"})),
        ("GetUsagePlans", json!({})),
        ("UpdateUsagePlan", json!({"usagePlanId": "p1"})),
        ("DeleteUsagePlan", json!({"usagePlanId": "p1"})),
        ("CreateUsagePlanKey", json!({"usagePlanId": "p1", "keyId": "k1", "keyType": "API_KEY"})),
        ("GetUsagePlanKey", json!({"usagePlanId": "p1", "keyId": "k1"})),
        ("GetUsagePlanKeys", json!({"usagePlanId": "p1"})),
        ("DeleteUsagePlanKey", json!({"usagePlanId": "p1", "keyId": "k1"})),
        ("GetUsage", json!({"usagePlanId": "p1", "startDate": "2026-01-01", "endDate": "2026-01-02"})),
        ("UpdateUsage", json!({"usagePlanId": "p1", "keyId": "k1"})),
    ]
}

service::service_compliance!(
    platform().await.kit,
    Subject {
        service: "apigateway",
        samples: &[samples(), samples_of_what_is_asked()].concat(),
        open: &[],
        secrets: &[]
    }
);

#[tokio::test]
async fn every_operation_of_the_model_is_implemented_or_declined() {
    let platform = platform().await;
    let service = platform.kit.pipeline.services().find(|service| service.name() == "apigateway").unwrap();
    let declined: Vec<_> = service.declined().map(|(name, _)| name).collect();
    let implemented: Vec<_> = service.implemented().collect();
    for operation in protocol::model("apigateway").unwrap().operations() {
        let name = operation.name();
        assert!(implemented.contains(&name) != declined.contains(&name), "{name}");
    }
}
