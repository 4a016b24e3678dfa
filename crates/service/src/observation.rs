//! Observe mode: what a role's own policies lack is noted and let through, so that a run of tests tells the exact policy.
//!
//! It waives the missing allow of the role's own identity policies and nothing else. Explicit denies, boundaries, session
//! policies, an organization's limits, and what other accounts and roles say of themselves all decide as ever; and no one
//! gains rights over rights by it: neither policies and tags, nor what acts with rights of its own (functions, stacks, APIs),
//! nor the keys and secrets that let in elsewhere, nor what the trail tells of others.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use identity::Principal;
use policy::{Denial, DenialKind, NamedPolicy, Policy, PolicyKind, PolicySet, PolicyType, Request};
use protocol::AccessLevel;
use serde_json::json;

/// The header of every answer to a role in observe mode: `on`, or what it lacked.
pub const OBSERVE_HEADER: &str = "x-fastness-observe";

/// A header names no more than this many.
const NAMED_MAX: usize = 8;
/// A header is no longer. What is longer ends with [`CUT`].
const HEADER_BYTES_MAX: usize = 4_096;
const CUT: &str = "...";

/// An allow that was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `service:Action`
    pub action: String,
    /// The ARN of what it was to be allowed on, or `*`.
    pub resource: String,
}

/// Services by which rights are given, or that tell who has which: what they do is never let through. Stacks tell all that
/// stands in their templates, resources and outputs: code, environments, keys.
const OF_RIGHTS: [&str; 7] =
    ["iam", "sts", "organizations", "fastness", "access-analyzer", "cloudtrail", "cloudformation"];

/// Services whose resources act with rights of their own: whoever changes one takes those.
const OF_ACTORS: [&str; 2] = ["lambda", "apigateway"];

/// What uses a function as it is.
const USES: [&str; 3] = ["InvokeFunction", "InvokeAsync", "InvokeFunctionUrl"];

/// What uses an API as it is. AWS's reference calls it a write; no table has it, for no API has such an operation.
const USES_AN_API: &str = "execute-api:Invoke";

/// Reads that tell environments, code or the values of parameters, which hold what lets in elsewhere.
const OF_SECRETS: [&str; 5] = [
    "lambda:GetFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:ListFunctions",
    "lambda:ListVersionsByFunction",
    "lambda:GetLayerVersion",
];

pub(crate) static EVERYTHING: LazyLock<Option<NamedPolicy>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy::parse(document, PolicyKind::Identity)
        .ok()
        .map(|policy| NamedPolicy::new("fastness:everything", policy))
});

/// Whether the call goes through in observe mode, all that the role's own policies lack aside.
// SECURITY: the decision is taken anew by the same evaluator, with one more identity policy: every other control still says no.
pub fn lets_through(
    principal: &Principal,
    request: &Request<'_>,
    set: &PolicySet<'_>,
    denial: &Denial,
) -> bool {
    let lacks_own_allow =
        denial.kind == DenialKind::Implicit && denial.policy_type == PolicyType::IdentityBased;
    if !principal.is_observed() || !lacks_own_allow || !is_waivable(request.action, request.resource) {
        return false;
    }
    let Some(everything) = &*EVERYTHING else { return false };
    let mut identity = set.identity.to_vec();
    identity.push(everything.clone());
    policy::evaluate(request, &PolicySet { identity: &identity, ..*set }).is_allowed()
}

/// An action that is not in AWS's tables is not waived: nobody knows what it gives.
fn is_waivable(action: &str, resource: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    if OF_RIGHTS.contains(&service) || OF_SECRETS.contains(&action) || tells_keys(service, resource) {
        return false;
    }
    if action == USES_AN_API {
        return true;
    }
    let Some(facts) = protocol::action(service, name) else { return false };
    match facts.level() {
        // Tags are rights where policies decide by them.
        AccessLevel::PermissionsManagement | AccessLevel::Tagging => false,
        AccessLevel::Write => !OF_ACTORS.contains(&service) || (service == "lambda" && USES.contains(&name)),
        AccessLevel::Read | AccessLevel::List => true,
    }
}

/// True of API keys, by themselves and below their plans.
fn tells_keys(service: &str, resource: &str) -> bool {
    let path = || resource.split_once("::").map_or("", |(_, path)| path);
    service == "apigateway" && (path().starts_with("/apikeys") || path().starts_with("/usageplans"))
}

/// What the answer to a role in observe mode tells it; nothing to anyone else.
#[derive(Clone, Debug, Default)]
pub struct Observation(Option<Vec<Missing>>);

impl Observation {
    /// Of a call of this principal, which lacked these.
    pub fn of(principal: &Principal, missing: Vec<Missing>) -> Self {
        Self(principal.is_observed().then_some(missing))
    }

    /// Tells it in an answer's header.
    // SECURITY: which nobody else sets: what stands there already is of whoever wrote the answer, a function for example.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.remove(OBSERVE_HEADER);
        if let Some(missing) = &self.0 {
            // What stands in it is visible ASCII; the word alone would still tell that something is missing.
            let value = HeaderValue::from_str(&header(missing));
            headers.insert(OBSERVE_HEADER, value.unwrap_or(HeaderValue::from_static("missing")));
        }
    }
}

/// What a record tells, of a gateway's own decision: what was asked for, which no operation's name says, and was missing.
pub fn details(missing: &[Missing]) -> Vec<u8> {
    let one = |one: &Missing| json!({ "action": one.action, "resource": one.resource });
    let missing: Vec<_> = missing.iter().map(one).collect();
    json!({ "authorized": missing, "observeMode": { "missing": missing } }).to_string().into_bytes()
}

/// The header's value.
fn header(missing: &[Missing]) -> String {
    if missing.is_empty() {
        return "on".to_owned();
    }
    let mut value = String::new();
    for one in missing.iter().take(NAMED_MAX) {
        let separator = if value.is_empty() { "" } else { "; " };
        let action = format!("{separator}missing {} on ", one.action);
        for part in std::iter::once(action).chain(one.resource.chars().map(escaped)) {
            if value.len() + part.len() > HEADER_BYTES_MAX - CUT.len() {
                value.push_str(CUT);
                return value;
            }
            value.push_str(&part);
        }
    }
    value
}

/// A character of a resource's name as a header holds it: percent-encoded where it is not visible ASCII, or would end or forge
/// what is named.
fn escaped(character: char) -> String {
    if character.is_ascii_graphic() && !matches!(character, '%' | ';') {
        return character.into();
    }
    character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_over_rights_are_never_let_through() {
        for (action, expected) in [
            ("dynamodb:GetItem", true),
            ("lambda:InvokeFunction", true),
            ("execute-api:Invoke", true),
            ("execute-api:InvalidateCache", false),
            ("execute-api:ManageConnections", false),
            ("logs:PutLogEvents", true),
            ("lambda:AddPermission", false),
            ("dynamodb:PutResourcePolicy", false),
            ("iam:GetUser", false),
            ("iam:PassRole", false),
            ("sts:AssumeRole", false),
            ("organizations:ListAccounts", false),
            ("fastness:SetObserveMode", false),
            ("nowhere:Nothing", false),
            ("dynamodb", false),
            // What acts with rights of its own is used, and not changed.
            ("lambda:UpdateFunctionCode", false),
            ("lambda:UpdateFunctionConfiguration", false),
            ("lambda:UpdateFunctionUrlConfig", false),
            ("lambda:CreateFunctionUrlConfig", false),
            ("lambda:CreateFunction", false),
            ("lambda:CreateEventSourceMapping", false),
            ("lambda:PublishLayerVersion", false),
            ("lambda:DeleteFunction", false),
            ("lambda:GetPolicy", true),
            ("cloudformation:CreateStack", false),
            ("cloudformation:ExecuteChangeSet", false),
            ("cloudformation:DescribeStacks", false),
            ("apigateway:PUT", false),
            ("apigateway:PATCH", false),
            ("apigateway:GET", true),
            // What lets in elsewhere, and what others did.
            ("lambda:GetFunction", false),
            ("lambda:ListFunctions", false),
            ("cloudtrail:LookupEvents", false),
            ("access-analyzer:ListFindings", false),
            // Tags are rights.
            ("dynamodb:TagResource", false),
            ("s3:PutObjectTagging", false),
            ("s3:PutBucketOwnershipControls", false),
            ("s3:PutObject", true),
        ] {
            assert_eq!(is_waivable(action, "*"), expected, "{action}");
        }
    }

    #[test]
    fn api_keys_are_never_told() {
        for (path, expected) in [
            ("/restapis", true),
            ("/restapis/a/stages/apikeys", true),
            ("/apikeys", false),
            ("/apikeys/k", false),
            ("/usageplans/p/keys/k", false),
        ] {
            let resource = format!("arn:aws:apigateway:us-east-1::{path}");
            assert_eq!(is_waivable("apigateway:GET", &resource), expected, "{path}");
        }
    }

    #[test]
    fn a_record_tells_what_was_asked_for_and_missing() {
        let one = Missing { action: "execute-api:Invoke".into(), resource: "r".into() };
        let told: serde_json::Value = serde_json::from_slice(&details(&[one])).unwrap();
        let pair = json!([{"action": "execute-api:Invoke", "resource": "r"}]);
        assert_eq!(told, json!({"authorized": pair, "observeMode": {"missing": pair}}));
    }

    #[test]
    fn the_header_names_what_is_missing() {
        assert_eq!(header(&[]), "on");
        let one = Missing { action: "a:B".into(), resource: "r".into() };
        assert_eq!(header(&[one.clone(), one.clone()]), "missing a:B on r; missing a:B on r");
        assert!(header(&vec![one; 100]).len() < 500);
    }

    #[test]
    fn nobody_else_sets_the_header() {
        let told = |observation: Observation| {
            let mut headers = HeaderMap::new();
            for forged in ["on", "missing a:B on r"] {
                headers.append(OBSERVE_HEADER, HeaderValue::from_static(forged));
            }
            observation.tell(&mut headers);
            let values = headers.get_all(OBSERVE_HEADER).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(Observation::default()), [""; 0]);
        assert_eq!(told(Observation(Some(Vec::new()))), ["on"]);
        let one = Missing { action: "c:D".into(), resource: "r\u{7}".into() };
        assert_eq!(told(Observation(Some(vec![one]))), ["missing c:D on r%07"]);
    }

    #[test]
    fn any_name_fits_the_header_and_can_be_read_back() {
        let told =
            |resource: &str| header(&[Missing { action: "s3:GetObject".into(), resource: resource.into() }]);
        for (resource, expected) in [
            ("b/two\nlines\r\0", "b/two%0Alines%0D%00"),
            ("b/\u{fc}\u{1f600} c\u{7f}", "b/%C3%BC%F0%9F%98%80%20c%7F"),
            ("b/a%20b", "b/a%2520b"),
            // No name passes for another.
            ("b/k; missing iam:PassRole on *", "b/k%3B%20missing%20iam:PassRole%20on%20*"),
        ] {
            let value = told(resource);
            assert_eq!(value, format!("missing s3:GetObject on {expected}"));
            assert!(HeaderValue::from_str(&value).is_ok(), "{value}");
        }
        for (name, encoded) in [("k", "k"), ("\u{1f600}", "%F0%9F%98%80")] {
            let value = told(&name.repeat(100_000));
            assert!(value.len() <= HEADER_BYTES_MAX);
            let named =
                value.strip_prefix("missing s3:GetObject on ").and_then(|rest| rest.strip_suffix(CUT));
            assert_eq!(
                named.map(|named| named.replace(encoded, "")).as_deref(),
                Some(""),
                "whole characters"
            );
        }
    }
}
