//! The rules of an API's tree: paths, methods, policies. No store, no wire.
//!
//! What an integration may be stands in `integration`; what a deployment freezes, in `freeze`.

use base::{AccountId, Region};
use policy::{Policy, PolicyKind};
use serde_json::Value;

use crate::Error;
use crate::records::{ApiRecord, MethodRecord, ResourceRecord};

/// Resources of one API.
const RESOURCES_MAX: usize = 300;

/// API Gateway's answer to a resource policy that is none.
pub(crate) const INVALID_POLICY: &str =
    "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.";

const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A new id of ten characters, as APIs have.
pub(crate) fn api_id() -> String {
    crypto::random::base32(10).to_ascii_lowercase()
}

/// A new id of six characters, as resources and deployments have.
pub(crate) fn short_id() -> String {
    crypto::random::base32(6).to_ascii_lowercase()
}

/// A name of a parameter that is none.
pub(crate) fn bad_parameter(name: &str) -> Error {
    Error::bad(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression \
         specified: {name}]"
    ))
}

/// An HTTP method in upper case.
pub(crate) fn http_method(name: &str) -> Result<String, Error> {
    let upper = name.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err(Error::bad("Invalid HTTP method specified"))
    }
}

impl ApiRecord {
    /// An API with nothing but its root.
    pub(crate) fn new(name: String, created: base::Timestamp) -> Self {
        let root = ResourceRecord {
            id: api_id(),
            parent_id: None,
            path_part: None,
            path: "/".to_owned(),
            methods: std::collections::BTreeMap::new(),
        };
        Self {
            id: api_id(),
            name,
            description: None,
            version: None,
            created,
            binary_media_types: Vec::new(),
            api_key_source: "HEADER".to_owned(),
            endpoint_type: "EDGE".to_owned(),
            policy: None,
            tags: std::collections::BTreeMap::new(),
            disable_execute_api_endpoint: false,
            root_resource_id: root.id.clone(),
            resources: [(root.id.clone(), root)].into(),
            authorizers: std::collections::BTreeMap::new(),
            models: std::collections::BTreeMap::new(),
            validators: std::collections::BTreeMap::new(),
            responses: std::collections::BTreeMap::new(),
        }
    }

    pub(crate) fn resource(&self, id: &str) -> Result<&ResourceRecord, Error> {
        self.resources.get(id).ok_or_else(|| Error::not_found("Resource"))
    }

    pub(crate) fn resource_mut(&mut self, id: &str) -> Result<&mut ResourceRecord, Error> {
        self.resources.get_mut(id).ok_or_else(|| Error::not_found("Resource"))
    }

    pub(crate) fn method(&self, id: &str, http_method: &str) -> Result<&MethodRecord, Error> {
        let method = self.resource(id)?.methods.get(&http_method.to_ascii_uppercase());
        method.ok_or_else(|| Error::not_found("Method"))
    }

    pub(crate) fn method_mut(&mut self, id: &str, http_method: &str) -> Result<&mut MethodRecord, Error> {
        let method = self.resource_mut(id)?.methods.get_mut(&http_method.to_ascii_uppercase());
        method.ok_or_else(|| Error::not_found("Method"))
    }

    /// Adds a resource below another.
    pub(crate) fn add_resource(&mut self, parent_id: &str, path_part: &str) -> Result<String, Error> {
        if self.resources.len() >= RESOURCES_MAX {
            return Err(Error::LimitExceeded(
                "Maximum number of Resources for this API has been reached.".into(),
            ));
        }
        let path = self.path_below(parent_id, path_part, None)?;
        let resource = ResourceRecord {
            id: short_id(),
            parent_id: Some(parent_id.to_owned()),
            path_part: Some(path_part.to_owned()),
            path,
            methods: std::collections::BTreeMap::new(),
        };
        let id = resource.id.clone();
        self.resources.insert(id.clone(), resource);
        Ok(id)
    }

    /// The path that a part has below another resource, where it may be there; `moved` is the resource that goes there.
    fn path_below(&self, parent_id: &str, path_part: &str, moved: Option<&str>) -> Result<String, Error> {
        let parent = self.resource(parent_id)?;
        check_path_part(path_part)?;
        if parent.path_part.as_deref().is_some_and(is_greedy) {
            let path = &parent.path;
            return Err(Error::bad(format!(
                "Cannot create a child of a resource with a greedy path variable: {path}"
            )));
        }
        let siblings = self
            .resources
            .values()
            .filter(|one| one.parent_id.as_deref() == Some(parent_id) && moved != Some(one.id.as_str()));
        for sibling in siblings.filter_map(|one| one.path_part.as_deref()) {
            if sibling == path_part {
                let message =
                    format!("Another resource with the same parent already has this name: {path_part}");
                return Err(Error::Conflict(message));
            }
            if is_variable(sibling) && is_variable(path_part) && is_greedy(sibling) == is_greedy(path_part) {
                return Err(Error::bad(format!(
                    "A sibling ({sibling}) of this resource already has a variable path part -- only one is allowed"
                )));
            }
        }
        Ok(format!("{}/{path_part}", parent.path.trim_end_matches('/')))
    }

    /// Puts a resource, with everything below it, under another parent or name.
    pub(crate) fn move_resource(&mut self, id: &str, parent_id: &str, path_part: &str) -> Result<(), Error> {
        let below = self.with_all_below(id);
        if below.iter().any(|one| one == parent_id) {
            return Err(Error::bad("A resource cannot be moved below itself"));
        }
        if is_greedy(path_part) && below.len() > 1 {
            return Err(Error::bad("A resource with a greedy path variable has no children"));
        }
        let path = self.path_below(parent_id, path_part, Some(id))?;
        let resource = self.resource_mut(id)?;
        let old = std::mem::replace(&mut resource.path, path.clone());
        resource.parent_id = Some(parent_id.to_owned());
        resource.path_part = Some(path_part.to_owned());
        for one in below.iter().filter(|one| *one != id) {
            let child = self.resource_mut(one)?;
            if let Some(rest) = child.path.strip_prefix(&old) {
                child.path = format!("{path}{rest}");
            }
        }
        Ok(())
    }

    /// A resource and everything below it.
    fn with_all_below(&self, id: &str) -> Vec<String> {
        let mut found = vec![id.to_owned()];
        let mut next = 0;
        // Each resource is found once and has one parent, so this ends.
        while let Some(parent) = found.get(next).cloned() {
            let children = self.resources.values().filter(|one| one.parent_id.as_deref() == Some(&parent));
            found.extend(children.map(|one| one.id.clone()));
            next += 1;
        }
        found
    }

    /// Removes a resource and everything below it.
    pub(crate) fn remove_resource(&mut self, id: &str) -> Result<(), Error> {
        if self.resource(id)?.parent_id.is_none() {
            return Err(Error::bad("Root resource cannot be deleted"));
        }
        for doomed in self.with_all_below(id) {
            self.resources.remove(&doomed);
        }
        Ok(())
    }

    /// The resource of a path, made with everything above it where it is not there.
    pub(crate) fn resource_at(&mut self, path: &str) -> Result<String, Error> {
        if !path.starts_with('/') {
            return Err(Error::bad(format!("Invalid path specified: {path}")));
        }
        let mut at = self.root_resource_id.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let child = self
                .resources
                .values()
                .find(|one| one.parent_id.as_ref() == Some(&at) && one.path_part.as_deref() == Some(part));
            at = match child {
                Some(child) => child.id.clone(),
                None => self.add_resource(&at, part)?,
            };
        }
        Ok(at)
    }
}

fn is_variable(part: &str) -> bool {
    part.starts_with('{')
}

fn is_greedy(part: &str) -> bool {
    part.ends_with("+}")
}

fn check_path_part(part: &str) -> Result<(), Error> {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'-' | b':' | b'$' | b'%' | b'~' | b'@' | b',')
    };
    let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = name.map(|name| name.strip_suffix('+').unwrap_or(name));
    let text = name.unwrap_or(part);
    if (1..=256).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::bad(
        "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the \
         beginning and the end.",
    ))
}

/// A resource policy with its short resources (`execute-api:/stage/GET/path`) spelt out as ARNs, checked.
pub(crate) fn resource_policy(
    text: &str,
    region: &Region,
    account: AccountId,
    api_id: &str,
) -> Result<String, Error> {
    let invalid = || Error::bad(INVALID_POLICY);
    // SECURITY: the text is checked before it is rewritten, so that what no policy may hold, such as a name that stands
    // twice, is not lost on the way.
    let mut json: Value = serde_json::from_str(text).map_err(|_| invalid())?;
    let prefix = format!("arn:aws:execute-api:{region}:{account}:{api_id}/");
    let checked = text.replace("\"execute-api:/", &format!("\"{prefix}"));
    Policy::parse(&checked, PolicyKind::Resource).map_err(|_| invalid())?;
    let statements = match json.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(one) => vec![one],
        None => return Err(invalid()),
    };
    for statement in statements {
        for name in ["Resource", "NotResource"] {
            match statement.get_mut(name) {
                Some(Value::String(resource)) => spell_out(resource, &prefix),
                Some(Value::Array(resources)) => {
                    for resource in resources {
                        if let Value::String(resource) = resource {
                            spell_out(resource, &prefix);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    let spelt_out = json.to_string();
    Policy::parse(&spelt_out, PolicyKind::Resource).map_err(|_| invalid())?;
    Ok(spelt_out)
}

fn spell_out(resource: &mut String, prefix: &str) {
    if let Some(rest) = resource.strip_prefix("execute-api:/") {
        *resource = format!("{prefix}{rest}");
    }
}

/// What can have tags, by its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tagged<'a> {
    Api(&'a str),
    Stage(&'a str, &'a str),
    Key(&'a str),
    Plan(&'a str),
}

impl<'a> Tagged<'a> {
    /// Takes `arn:aws:apigateway:<region>::/restapis/<id>[/stages/<name>]` apart, and those of keys and plans.
    pub(crate) fn of(region: &Region, arn: &'a str) -> Option<Self> {
        let rest = arn.strip_prefix("arn:aws:apigateway:")?.strip_prefix(region.as_str())?;
        match rest.strip_prefix("::/")?.split('/').collect::<Vec<_>>().as_slice() {
            ["restapis", id] if !id.is_empty() => Some(Self::Api(id)),
            ["restapis", id, "stages", name] => Some(Self::Stage(id, name)),
            ["apikeys", id] if !id.is_empty() => Some(Self::Key(id)),
            ["usageplans", id] if !id.is_empty() => Some(Self::Plan(id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> ApiRecord {
        ApiRecord::new("n".into(), base::Timestamp::from_secs(1))
    }

    #[test]
    fn a_tree_grows_and_is_pruned() {
        let mut api = api();
        let deep = api.resource_at("/a/{id}/b").unwrap();
        assert_eq!(api.resource(&deep).unwrap().path, "/a/{id}/b");
        assert_eq!(api.resource_at("/a/{id}/b/").unwrap(), deep);
        assert_eq!(api.resources.len(), 4);
        let a = api.resource_at("/a").unwrap();
        api.remove_resource(&a).unwrap();
        assert_eq!(api.resources.len(), 1);
        assert!(api.remove_resource(&api.root_resource_id.clone()).is_err());
    }

    #[test]
    fn a_branch_moves_with_all_that_grows_on_it() {
        let mut api = api();
        let leaf = api.resource_at("/a/{id}/b").unwrap();
        let (a, id, c) = (
            api.resource_at("/a").unwrap(),
            api.resource_at("/a/{id}").unwrap(),
            api.resource_at("/c").unwrap(),
        );
        api.move_resource(&id, &c, "{key}").unwrap();
        assert_eq!(api.resource(&leaf).unwrap().path, "/c/{key}/b");
        api.move_resource(&a, &api.root_resource_id.clone(), "z").unwrap();
        assert_eq!(api.resource(&a).unwrap().path, "/z");
        for (which, parent, part) in
            [(&c, &leaf, "x"), (&c, &api.root_resource_id.clone(), "z"), (&c, &a, "{p+}")]
        {
            assert!(api.move_resource(which, parent, part).is_err(), "{part}");
        }
        assert_eq!(api.resource_at("/c/{key}/b").unwrap(), leaf);
    }

    #[test]
    fn bad_parts_are_refused() {
        let mut api = api();
        api.resource_at("/a/{id}").unwrap();
        api.resource_at("/b/{proxy+}").unwrap();
        for path in ["/a/{other}", "/b/{proxy+}/c", "/b/{rest+}", "/x y", "/{}", "/{a", "/a}", "no", "/é"] {
            assert!(api.resource_at(path).is_err(), "{path}");
        }
        assert!(api.resource_at("/b/{id}").is_ok());
    }

    #[test]
    fn policies_are_spelt_out_and_checked() {
        let (region, account) = ("us-east-1".parse().unwrap(), "111111111111".parse().unwrap());
        let policy = |resource: &str, more: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":{resource}{more}}}}}"#
            );
            resource_policy(&text, &region, account, "a1")
        };
        let spelt_out = policy(r#"["execute-api:/prod/GET/x","arn:aws:execute-api:*"]"#, "").unwrap();
        assert!(spelt_out.contains("\"arn:aws:execute-api:us-east-1:111111111111:a1/prod/GET/x\""));
        assert!(policy(r#""execute-api:/*""#, "").is_ok());
        assert!(policy(r#""table""#, "").is_err());
        assert!(policy(r#""execute-api:/*""#, r#","Effect":"Deny""#).is_err());
    }
}
