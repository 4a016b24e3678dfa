//! From a policy's text to compiled statements, with IAM's own words for what is wrong.
//!
//! It checks the language, not the world: whether a user, a service or an action exists is not known here.

use std::collections::HashSet;

use crate::condition::Condition;
use crate::error::PolicyError;
use crate::json::{self, Json};
use crate::pattern::{Pattern, Syntax, Token, tokenize, within_segments};
use crate::policy::PolicyKind;
use crate::principal::PrincipalElement;
use crate::quota::POLICY_BYTES_MAX;
use crate::statement::{Effect, Selection, Statement};

/// No action, resource or condition value is longer: ARNs end at 2,048 characters.
const STRING_BYTES_MAX: usize = 2_048;

const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Parses and compiles a whole document.
pub(crate) fn document(text: &str, kind: PolicyKind) -> Result<Vec<Statement>, PolicyError> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::TooLong { max: POLICY_BYTES_MAX });
    }
    let json = json::parse(text).map_err(|error| PolicyError::syntax(error.to_string()))?;
    let Json::Object(elements) = &json else { return Err(PolicyError::syntax("a policy is an object")) };
    let mut variables = false;
    let mut statements = None;
    for (name, value) in elements {
        match (name.as_str(), value) {
            ("Version", Json::String(version)) if version == "2012-10-17" => variables = true,
            ("Version", Json::String(version)) if version == "2008-10-17" => {}
            ("Id", Json::String(_)) => {}
            ("Statement", value) => statements = Some(value),
            _ => return Err(PolicyError::syntax(format!("`{name}` is unknown or has an invalid value"))),
        }
    }
    let statements = match statements {
        Some(Json::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        Some(_) => return Err(PolicyError::syntax("`Statement` holds no statements")),
        None => return Err(PolicyError::syntax("`Statement` is missing")),
    };
    let (reader, mut faults) = (Reader { kind, variables }, Faults::default());
    let read = statements.iter().filter_map(|json| reader.statement(json, &mut faults)).collect();
    faults.check(unique_sids(statements));
    faults.first().map_or(Ok(read), Err)
}

/// What is wrong with a document: of several things, IAM tells the one that it looks for first, wherever that stands.
#[derive(Default)]
struct Faults {
    first: Option<PolicyError>,
    /// A resource that has not the form of one, and whether it stands in `NotResource`: of these, the last is told.
    form: Option<(bool, PolicyError)>,
}

impl Faults {
    /// What was read, where nothing is wrong with it.
    fn check<T>(&mut self, read: Result<T, PolicyError>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(fault) => {
                if self.first.as_ref().is_none_or(|first| fault.rank() < first.rank()) {
                    self.first = Some(fault);
                }
                None
            }
        }
    }

    /// The same for resources. One that cannot be read at all is not looked for behind one that has a wrong form.
    fn check_resources<T>(&mut self, read: Result<T, PolicyError>, negated: bool) -> Option<T> {
        match read {
            Err(fault) if fault.is_about_a_resources_form() => {
                if self.form.as_ref().is_none_or(|(earlier, _)| *earlier <= negated) {
                    self.form = Some((negated, fault));
                }
                None
            }
            Err(PolicyError::LegacyParsing { .. })
                if self.form.as_ref().is_some_and(|(earlier, _)| *earlier <= negated) =>
            {
                None
            }
            read => self.check(read),
        }
    }

    fn first(self) -> Option<PolicyError> {
        let form = self.form.map(|(_, fault)| fault);
        self.first.into_iter().chain(form).min_by_key(PolicyError::rank)
    }
}

fn unique_sids(statements: &[Json]) -> Result<(), PolicyError> {
    let mut seen = HashSet::new();
    let sid = |json: &Json| match json {
        Json::Object(elements) => match Elements(elements).get("Sid") {
            Some(Json::String(sid)) if !sid.is_empty() => Some(sid.clone()),
            _ => None,
        },
        _ => None,
    };
    let mut sids = statements.iter().filter_map(sid);
    if sids.all(|sid| seen.insert(sid)) { Ok(()) } else { Err(PolicyError::DuplicateSid) }
}

/// A string, or a list of strings.
pub(crate) fn strings<'j>(json: &'j Json, name: &str) -> Result<Vec<&'j str>, PolicyError> {
    let one = |json: &'j Json| match json {
        Json::String(text) if text.len() <= STRING_BYTES_MAX => Ok(text.as_str()),
        Json::String(_) => Err(PolicyError::legacy(format!("a string in `{name}` is too long"))),
        _ => Err(PolicyError::syntax(format!("`{name}` holds something other than strings"))),
    };
    match json {
        Json::Array(items) => items.iter().map(one).collect(),
        json => one(json).map(|text| vec![text]),
    }
}

/// The elements of one statement, by name.
struct Elements<'j>(&'j [(String, Json)]);

impl<'j> Elements<'j> {
    fn get(&self, name: &str) -> Option<&'j Json> {
        self.0.iter().find(|(element, _)| element == name).map(|(_, json)| json)
    }

    /// The positive or the negative form of an element; both at once is an error.
    fn either(&self, positive: &str, negative: &str) -> Result<Option<(&'j Json, bool)>, PolicyError> {
        match (self.get(positive), self.get(negative)) {
            (Some(_), Some(_)) => {
                Err(PolicyError::syntax(format!("`{positive}` and `{negative}` exclude each other")))
            }
            (Some(json), None) => Ok(Some((json, false))),
            (None, negative) => Ok(negative.map(|json| (json, true))),
        }
    }
}

/// What the statements of one document have in common.
struct Reader {
    kind: PolicyKind,
    variables: bool,
}

impl Reader {
    fn statement(&self, json: &Json, faults: &mut Faults) -> Option<Statement> {
        let elements = faults.check(known_elements(json))?;
        let effect = faults.check(effect(&elements));
        let sid = faults.check(self.sid(&elements));
        let principal = faults.check(self.principal(&elements));
        let actions = faults.check(self.actions(&elements));
        let conditions = faults.check(match elements.get("Condition") {
            Some(json) => self.conditions(json),
            None => Ok(Vec::new()),
        });
        let negated = elements.get("NotResource").is_some();
        let resources = faults.check_resources(self.resources(&elements, effect), negated);
        Some(Statement {
            sid: sid?,
            effect: effect?,
            principal: principal?,
            actions: actions?,
            resources: resources?,
            conditions: conditions?,
        })
    }

    fn sid(&self, elements: &Elements<'_>) -> Result<Option<std::sync::Arc<str>>, PolicyError> {
        let sid = match elements.get("Sid") {
            None => return Ok(None),
            Some(Json::String(sid)) => sid,
            Some(_) => return Err(PolicyError::syntax("`Sid` is not a string")),
        };
        let alphanumeric = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // Services that keep resource policies allow spaces and punctuation; IAM does not.
        if !alphanumeric && self.kind != PolicyKind::Resource {
            return Err(PolicyError::InvalidSid);
        }
        Ok(Some(sid.as_str().into()))
    }

    fn principal(&self, elements: &Elements<'_>) -> Result<Option<PrincipalElement>, PolicyError> {
        let element = elements.either("Principal", "NotPrincipal")?;
        match (self.kind, element) {
            (PolicyKind::Trust, Some((_, true))) => Err(PolicyError::ProhibitedField("NotPrincipal")),
            (PolicyKind::Trust | PolicyKind::Resource, None) => Err(PolicyError::MissingField("Principal")),
            (PolicyKind::Trust | PolicyKind::Resource, Some((json, negated))) => {
                PrincipalElement::compile(json, negated).map(Some)
            }
            // A resource control policy is about everyone, and says so.
            (PolicyKind::ResourceControl, Some((json, false))) => {
                PrincipalElement::compile(json, false).map(Some)
            }
            (PolicyKind::ResourceControl, _) => Err(PolicyError::MissingField("Principal")),
            (_, Some(_)) => Err(PolicyError::PrincipalNotAllowed),
            (_, None) => Ok(None),
        }
    }

    fn actions(&self, elements: &Elements<'_>) -> Result<Selection, PolicyError> {
        let (json, negated) = elements.either("Action", "NotAction")?.ok_or(PolicyError::MissingAction)?;
        let actions = strings(json, "Action")?;
        if actions.is_empty() {
            return Err(PolicyError::MissingAction);
        }
        // Actions have wildcards and no variables, whatever the version.
        let syntax = Syntax { wildcards: true, variables: false };
        let mut patterns = Vec::with_capacity(actions.len());
        for action in &actions {
            check_action(action)?;
            let folded = action.to_ascii_lowercase();
            if self.kind == PolicyKind::Trust && !is_trust_action(&folded) {
                return Err(PolicyError::NotAssumeRole);
            }
            patterns.push(Pattern::compile(&folded, syntax)?);
        }
        Ok(Selection::new(patterns, &actions, negated))
    }

    fn resources(
        &self,
        elements: &Elements<'_>,
        effect: Option<Effect>,
    ) -> Result<Option<Selection>, PolicyError> {
        let element = elements.either("Resource", "NotResource")?;
        if self.kind == PolicyKind::Trust {
            return match element {
                None => Ok(None),
                Some((_, false)) => Err(PolicyError::ProhibitedField("Resource")),
                Some((_, true)) => Err(PolicyError::ProhibitedField("NotResource")),
            };
        }
        let (json, negated) = element.ok_or(PolicyError::MissingResource)?;
        let resources = strings(json, "Resource")?;
        if resources.is_empty() {
            return Err(PolicyError::MissingResource);
        }
        // Of several that are wrong, IAM tells the first by their letters.
        let wrong = resources.iter().filter_map(|text| self.form(text).err().map(|fault| (*text, fault)));
        if let Some((_, fault)) = wrong.min_by(|(left, _), (right, _)| left.cmp(right)) {
            return Err(fault);
        }
        // SECURITY: AWS's pages do not say all of what a wildcard takes in beyond its segment of an ARN. What allows takes in less,
        // what denies takes in more, and what is excepted from either the other way round.
        let closely = (effect == Some(Effect::Allow)) != negated;
        let read = |text| self.resource(text, closely);
        let patterns = resources.iter().copied().map(read).collect::<Result<_, _>>()?;
        Ok(Some(Selection::new(patterns, &resources, negated)))
    }

    fn resource(&self, text: &str, closely: bool) -> Result<Pattern, PolicyError> {
        if text == "*" {
            return Ok(Pattern::Any);
        }
        check_legacy(text)?;
        let mut tokens = tokenize(text, Syntax { wildcards: true, variables: self.variables })?;
        // An ARN that ends early means every value of the components that it leaves out.
        let colons =
            |token: &Token| if let Token::Literal(text) = token { text.matches(':').count() } else { 0 };
        for _ in tokens.iter().map(colons).sum::<usize>()..5 {
            tokens.extend([Token::Literal(":".to_owned()), Token::Star]);
        }
        if closely {
            tokens = within_segments(tokens);
        }
        Ok(Pattern::from_tokens(&tokens))
    }

    fn form(&self, text: &str) -> Result<(), PolicyError> {
        if text == "*" { Ok(()) } else { check_resource(text, self.kind) }
    }

    fn conditions(&self, json: &Json) -> Result<Vec<Condition>, PolicyError> {
        let Json::Object(operators) = json else {
            return Err(PolicyError::syntax("`Condition` is not an object"));
        };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let Json::Object(keys) = keys else {
                return Err(PolicyError::syntax(format!("`{operator}` is not an object")));
            };
            // Whatever its name, an operator without keys asks nothing.
            for (key, expected) in keys {
                let expected = condition_values(key, expected)?;
                conditions.push(Condition::compile(operator, key, expected, self.variables)?);
            }
        }
        Ok(conditions)
    }
}

fn known_elements(json: &Json) -> Result<Elements<'_>, PolicyError> {
    let Json::Object(elements) = json else {
        return Err(PolicyError::syntax("a statement is an object"));
    };
    match elements.iter().find(|(name, _)| !STATEMENT_ELEMENTS.contains(&name.as_str())) {
        Some((unknown, _)) => {
            Err(PolicyError::syntax(format!("`{unknown}` is not an element of a statement")))
        }
        None => Ok(Elements(elements)),
    }
}

fn effect(elements: &Elements<'_>) -> Result<Effect, PolicyError> {
    match elements.get("Effect") {
        Some(Json::String(effect)) => match effect.as_str() {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other if other.eq_ignore_ascii_case("allow") || other.eq_ignore_ascii_case("deny") => {
                Err(PolicyError::legacy("`Effect` is `Allow` or `Deny`, in this spelling"))
            }
            _ => Err(PolicyError::syntax("`Effect` is `Allow` or `Deny`")),
        },
        _ => Err(PolicyError::syntax("`Effect` is missing or not a string")),
    }
}

/// Condition values may be written as JSON numbers and booleans.
fn condition_values(key: &str, json: &Json) -> Result<Vec<String>, PolicyError> {
    let one = |json: &Json| match json {
        Json::String(text) if text.len() > STRING_BYTES_MAX => {
            Err(PolicyError::legacy(format!("a value of `{key}` is too long")))
        }
        Json::String(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(value) => Ok(value.to_string()),
        _ => Err(PolicyError::syntax(format!("a value of `{key}` is not a scalar"))),
    };
    match json {
        Json::Array(items) => items.iter().map(one).collect(),
        json => one(json).map(|text| vec![text]),
    }
}

fn check_action(action: &str) -> Result<(), PolicyError> {
    if action == "*" {
        return Ok(());
    }
    let (vendor, name) = action.split_once(':').ok_or(PolicyError::MissingVendor)?;
    if name.contains(':') {
        return Err(PolicyError::TwoColons);
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let vendor_ok = vendor == "*" || (!vendor.is_empty() && vendor.bytes().all(named));
    if !vendor_ok {
        return Err(PolicyError::InvalidVendor(vendor.to_owned()));
    }
    // What can stand in no action's name is a name all the same, as in IAM: no action has it.
    if name.is_empty() || name.contains(char::is_control) {
        return Err(PolicyError::legacy(format!("`{action}` is not an action")));
    }
    Ok(())
}

/// Assuming a role, tagging its session, setting its source identity: all are STS's. A lone `*` is refused, as IAM does.
fn is_trust_action(folded: &str) -> bool {
    folded.starts_with("sts:")
}

/// What IAM's resources begin with behind the account.
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Whether a resource has the form of one.
fn check_resource(text: &str, kind: PolicyKind) -> Result<(), PolicyError> {
    // Whatever stands before the first colon stands for `arn`.
    let (_, rest) = text.split_once(':').ok_or_else(|| PolicyError::NotAnArn(text.to_owned()))?;
    let mut components = rest.splitn(5, ':');
    let partition = components.next().unwrap_or_default();
    if partition != base::PARTITION && partition != "*" {
        return Err(invalid_partition(partition, components));
    }
    if !text.starts_with("arn:") {
        return Err(PolicyError::NotAnArn(text.to_owned()));
    }
    let Some(vendor) = components.next() else { return Err(PolicyError::UnqualifiedVendor) };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // One that is empty is found when the text is read.
    if vendor != "*" && !vendor.bytes().all(named) {
        return Err(PolicyError::UnqualifiedVendor);
    }
    let region = components.next().unwrap_or_default();
    match vendor {
        "iam" if !region.is_empty() && region != "*" => Err(PolicyError::IamRegion(text.to_owned())),
        "s3" if !region.is_empty() && region != "*" => Err(PolicyError::S3Region(text.to_owned())),
        "iam" if kind == PolicyKind::Identity => check_iam_path(components.nth(1)),
        _ => Ok(()),
    }
}

/// An ARN of IAM whose last component is given, and is neither a pattern nor of a known kind, is refused. The root user is named by
/// AWS's own policies for its tasks.
fn check_iam_path(path: Option<&str>) -> Result<(), PolicyError> {
    let is_known = |path: &str| {
        path == "root"
            || path.contains(['*', '?', '$'])
            || IAM_PATHS.iter().any(|start| path.starts_with(start))
    };
    if path.is_none_or(is_known) { Ok(()) } else { Err(PolicyError::IamPath(IAM_PATHS.join(", "))) }
}

/// The whole resource as IAM repeats it: with a star in the place of each component that is not there.
fn invalid_partition<'t>(partition: &str, components: impl Iterator<Item = &'t str>) -> PolicyError {
    let given: Vec<&str> = components.collect();
    let mut parts: Vec<&str> = (0..4).map(|at| given.get(at).copied().unwrap_or("*")).collect();
    if let ([""], Some(first)) = (given.as_slice(), parts.first_mut()) {
        *first = "*";
    }
    let resource = format!("arn:{partition}:{}", parts.join(":"));
    PolicyError::InvalidPartition { partition: partition.to_owned(), resource }
}

/// An ARN may end early, but not with an empty component on the way, nor without a service.
fn check_legacy(text: &str) -> Result<(), PolicyError> {
    let has_vendor = text.split(':').nth(2).is_some_and(|vendor| !vendor.is_empty());
    if has_vendor && (text.matches(':').count() >= 5 || !text.contains("::")) {
        return Ok(());
    }
    Err(PolicyError::legacy(format!("`{text}` ends early and leaves out a component before")))
}
