//! What API Gateway's resources are now, in a template's words: told in tables, one a type.
//!
//! Changes nothing. What no call shows is not compared.

use serde_json::{Map, Value, json};

use super::apigateway_parts as parts;
use super::apigateway_resource::lowered;
use super::plain::Part;
use super::reading::{Reading, document};
use super::{Failure, Work, list, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

/// How one type is read.
pub(super) struct Seen {
    operation: &'static str,
    /// The members that say which thing is meant.
    keys: &'static [(&'static str, Part)],
    /// Properties that the call shows under their own names, without the capital.
    named: &'static [&'static str],
    /// Properties that say which thing it is: where it is there, they are as given.
    given: &'static [&'static str],
    pub(super) rules: Rules,
    /// What is shown otherwise.
    adapt: fn(&Work, &Value, &mut Map<String, Value>),
}

/// Everything is shown under its own name.
fn as_named(_: &Work, _: &Value, _: &mut Map<String, Value>) {}

impl Seen {
    /// What there is of a thing.
    pub(super) async fn read(&self, work: &Work, of: &Physical) -> Result<Reading, Failure> {
        let keys = self.keys.iter().map(|(member, part)| {
            let value = match part {
                Part::Property(name) => text(of.properties.get(*name)),
                Part::Id | Part::OfArn(_) => of.id.clone(),
            };
            ((*member).to_owned(), Value::from(value))
        });
        let input = Value::Object(keys.collect());
        let Some(thing) = seen(work.call("apigateway", self.operation, input).await)? else {
            return Ok(None);
        };
        // One of the gateway's own answers is always there; it is the stack's as long as it is not the usual one.
        if thing.get("defaultResponse") == Some(&Value::Bool(true)) {
            return Ok(None);
        }
        let mut now = capitalised(&thing, self.named);
        if now.contains_key("Tags") || work.get("Tags").is_some() {
            now.insert("Tags".to_owned(), tags::own_of_map(thing.get("tags")));
        }
        now.extend(work.pick(self.given));
        (self.adapt)(work, &thing, &mut now);
        now.retain(|_, value| !value.is_null());
        Ok(Some(now))
    }
}

/// The named members of what a call shows.
pub(super) fn capitalised(thing: &Value, names: &[&str]) -> Map<String, Value> {
    let found = names.iter().filter_map(|name| Some(((*name).to_owned(), thing.get(lowered(name))?.clone())));
    found.filter(|(_, value)| !value.is_null()).collect()
}

/// A member under another name.
fn take(thing: &Value, pointer: &str, name: &str, into: &mut Map<String, Value>) {
    into.extend(thing.pointer(pointer).map(|value| (name.to_owned(), value.clone())));
}

const OF_API: (&str, Part) = ("restApiId", Part::Property("RestApiId"));

pub(super) static ACCOUNT: Seen = Seen {
    operation: "GetAccount",
    keys: &[],
    named: &[],
    given: &[],
    rules: Rules::PLAIN,
    adapt: |_, thing, now| take(thing, "/cloudwatchRoleArn", "CloudWatchRoleArn", now),
};

pub(super) static API_KEY: Seen = Seen {
    operation: "GetApiKey",
    keys: &[("apiKey", Part::Id)],
    named: &["CustomerId", "Description", "Enabled", "Name"],
    given: &[],
    // SECURITY: a value never changes, and is not asked for.
    rules: Rules { unread: &["/GenerateDistinctId", "/Value"], whole: &[], ordered: &[] },
    adapt: |_, thing, now| {
        let stages = list(thing.get("stageKeys")).iter().map(|stage| {
            let stage = text(Some(stage));
            let (api, name) = stage.split_once('/').unwrap_or((&stage, ""));
            json!({ "RestApiId": api, "StageName": name })
        });
        now.insert("StageKeys".to_owned(), stages.collect());
    },
};

pub(super) static AUTHORIZER: Seen = Seen {
    operation: "GetAuthorizer",
    keys: &[OF_API, ("authorizerId", Part::Id)],
    named: &[
        "AuthType",
        "AuthorizerCredentials",
        "AuthorizerResultTtlInSeconds",
        "AuthorizerUri",
        "IdentitySource",
        "IdentityValidationExpression",
        "Name",
        "ProviderARNs",
        "Type",
    ],
    given: &["RestApiId"],
    rules: Rules::PLAIN,
    adapt: as_named,
};

pub(super) static DEPLOYMENT: Seen = Seen {
    operation: "GetDeployment",
    keys: &[OF_API, ("deploymentId", Part::Id)],
    named: &["Description"],
    given: &["RestApiId"],
    rules: Rules { unread: &["/StageDescription", "/StageName"], whole: &[], ordered: &[] },
    adapt: as_named,
};

pub(super) static GATEWAY_RESPONSE: Seen = Seen {
    operation: "GetGatewayResponse",
    keys: &[OF_API, ("responseType", Part::Property("ResponseType"))],
    named: &["ResponseParameters", "ResponseTemplates", "StatusCode"],
    given: &["ResponseType", "RestApiId"],
    rules: Rules { unread: &[], whole: &["/ResponseParameters", "/ResponseTemplates"], ordered: &[] },
    adapt: as_named,
};

pub(super) static METHOD: Seen = Seen {
    operation: "GetMethod",
    keys: &[
        OF_API,
        ("resourceId", Part::Property("ResourceId")),
        ("httpMethod", Part::Property("HttpMethod")),
    ],
    named: &[
        "ApiKeyRequired",
        "AuthorizationType",
        "AuthorizerId",
        "OperationName",
        "RequestModels",
        "RequestParameters",
        "RequestValidatorId",
    ],
    given: &["AuthorizationScopes", "HttpMethod", "ResourceId", "RestApiId"],
    rules: Rules {
        // The API has one kind of connection, no cache, and no conversion of what integrations answer.
        unread: &["/Integration/CacheKeyParameters", "/Integration/ConnectionType"],
        whole: &[
            "/Integration/IntegrationResponses/*/ResponseParameters",
            "/Integration/IntegrationResponses/*/ResponseTemplates",
            "/Integration/RequestParameters",
            "/Integration/RequestTemplates",
            "/MethodResponses/*/ResponseModels",
            "/MethodResponses/*/ResponseParameters",
            "/RequestModels",
            "/RequestParameters",
        ],
        ordered: &[],
    },
    adapt: |_, thing, now| parts::method(thing, now),
};

pub(super) static MODEL: Seen = Seen {
    operation: "GetModel",
    keys: &[OF_API, ("modelName", Part::Id)],
    named: &["ContentType", "Description", "Name"],
    given: &["RestApiId"],
    rules: Rules { unread: &[], whole: &["/Schema"], ordered: &[] },
    adapt: |_, thing, now| {
        now.insert("Schema".to_owned(), document(thing.get("schema")));
    },
};

pub(super) static REQUEST_VALIDATOR: Seen = Seen {
    operation: "GetRequestValidator",
    keys: &[OF_API, ("requestValidatorId", Part::Id)],
    named: &["Name", "ValidateRequestBody", "ValidateRequestParameters"],
    given: &["RestApiId"],
    rules: Rules::PLAIN,
    adapt: as_named,
};

pub(super) static RESOURCE: Seen = Seen {
    operation: "GetResource",
    keys: &[OF_API, ("resourceId", Part::Id)],
    named: &["ParentId", "PathPart"],
    given: &["RestApiId"],
    rules: Rules::PLAIN,
    adapt: as_named,
};

pub(super) static REST_API: Seen = Seen {
    operation: "GetRestApi",
    keys: &[("restApiId", Part::Id)],
    named: &[
        "BinaryMediaTypes",
        "Description",
        "DisableExecuteApiEndpoint",
        "MinimumCompressionSize",
        "Name",
        "Version",
    ],
    given: &[],
    rules: Rules {
        // What a definition made is in many places; no call shows the definition.
        unread: &["/Body", "/BodyS3Location", "/FailOnWarnings", "/Mode", "/Parameters"],
        whole: &["/Policy"],
        ordered: &[],
    },
    adapt: |work, thing, now| {
        take(thing, "/apiKeySource", "ApiKeySourceType", now);
        let types = thing.pointer("/endpointConfiguration/types").cloned().unwrap_or_default();
        now.insert("EndpointConfiguration".to_owned(), json!({ "Types": types }));
        parts::api(work, thing, now);
    },
};

pub(super) static STAGE: Seen = Seen {
    operation: "GetStage",
    keys: &[OF_API, ("stageName", Part::Property("StageName"))],
    named: &["DeploymentId", "Description", "TracingEnabled", "Variables"],
    given: &["RestApiId", "StageName"],
    rules: Rules { unread: &[], whole: &["/Variables"], ordered: &[] },
    adapt: parts::stage,
};

pub(super) static USAGE_PLAN: Seen = Seen {
    operation: "GetUsagePlan",
    keys: &[("usagePlanId", Part::Id)],
    named: &["Description"],
    given: &[],
    rules: Rules { unread: &[], whole: &["/ApiStages/*/Throttle"], ordered: &[] },
    adapt: |_, thing, now| {
        take(thing, "/name", "UsagePlanName", now);
        parts::plan(thing, now);
    },
};

pub(super) static USAGE_PLAN_KEY: Seen = Seen {
    operation: "GetUsagePlanKey",
    keys: &[("usagePlanId", Part::Property("UsagePlanId")), ("keyId", Part::Property("KeyId"))],
    named: &[],
    given: &["KeyId", "KeyType", "UsagePlanId"],
    rules: Rules::PLAIN,
    adapt: as_named,
};
