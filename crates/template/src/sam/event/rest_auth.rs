//! `Auth` of a route: its authorizer, its scopes, and whether it asks for an API key.
//!
//! Refuses whatever would leave a route open by mistake: an authorizer that is not defined, and keys that it does not know.

use serde_json::{Map, Value};

use super::super::error::Problems;
use super::super::python::Py;
use super::super::swagger::Editor;
use super::super::value::{is_truthy, shown, truthy};

/// A route of an API, as its authorization sees it.
pub(super) struct Secured<'a> {
    /// The resource that the event belongs to, and the event's key.
    pub(super) owner: (&'a str, &'a str),
    pub(super) api_id: &'a str,
    pub(super) path: &'a str,
    pub(super) method: &'a str,
    pub(super) auth: &'a Map<String, Value>,
    /// The API's `Auth`, as it stands and with parameters filled in.
    pub(super) api_auth: (&'a Map<String, Value>, &'a Map<String, Value>),
    /// The name of the API's stage, or `Stage` where the template computes it.
    pub(super) stage: &'a Py,
}

const KNOWN: [&str; 5] =
    ["Authorizer", "InvokeRole", "AuthorizationScopes", "ApiKeyRequired", "ResourcePolicy"];

impl Secured<'_> {
    fn refuse(&self, message: impl std::fmt::Display) -> Problems {
        Problems::event(self.owner.0, self.owner.1, message)
    }

    fn unable(&self, what: &str, why: &str) -> Problems {
        let (method, path) = (self.method, self.path);
        self.refuse(format_args!("Unable to set {what} on API method [{method}] for path [{path}]{why}"))
    }

    /// Writes the route's authorization into the body.
    pub(super) fn apply(&self, editor: &mut Editor) -> Result<(), Problems> {
        if let Some(extra) = self.auth.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(
                self.refuse(format_args!("Property 'Auth.{extra}' is not supported by this platform."))
            );
        }
        let authorizer = match truthy(self.auth, "Authorizer") {
            Some(authorizer) => Some(self.checked(authorizer)?),
            None => None,
        };
        match truthy(self.auth, "AuthorizationScopes") {
            Some(scopes) if !scopes.is_array() => {
                return Err(self.refuse("Property 'Auth.AuthorizationScopes' should be a list."));
            }
            Some(_) if authorizer.is_none() => {
                return Err(self.refuse("AuthorizationScopes works only when Authorizer is set"));
            }
            _ => {}
        }
        let key = self.auth.get("ApiKeyRequired").filter(|required| !required.is_null());
        let api_asks = truthy(self.api_auth.1, "ApiKeyRequired").is_some();
        if key.is_some_and(|required| !is_truthy(required)) && !api_asks {
            let why = " because the related API does not specify any ApiKeyRequired.";
            return Err(self.unable("ApiKeyRequired [False]", why));
        }
        if let Some(name) = authorizer {
            editor.set_method_authorizer(self.path, self.method, name, &self.scopes(name))?;
        }
        if let Some(required) = key {
            editor.set_method_api_key(self.path, self.method, is_truthy(required))?;
        }
        self.resource_policy(editor)
    }

    fn resource_policy(&self, editor: &mut Editor) -> Result<(), Problems> {
        let Some(policy) = truthy(self.auth, "ResourcePolicy") else { return Ok(()) };
        let Some(policy) = policy.as_object() else {
            return Err(self.refuse("Property 'Auth.ResourcePolicy' should be a map."));
        };
        editor.add_resource_policy(policy, self.path, self.stage)?;
        if let Some(statements) = truthy(policy, "CustomStatements") {
            editor.add_policy_statements(statements);
        }
        Ok(())
    }

    fn checked<'b>(&self, authorizer: &'b Value) -> Result<&'b str, Problems> {
        let authorizers = truthy(self.api_auth.1, "Authorizers");
        if authorizers.is_some_and(|authorizers| !authorizers.is_object()) {
            return Err(Problems::resource(self.api_id, "Property 'Auth.Authorizers' should be a map."));
        }
        let name = shown(authorizer);
        match authorizer.as_str() {
            Some("AWS_IAM") => return Ok("AWS_IAM"),
            Some("NONE") if truthy(self.api_auth.1, "DefaultAuthorizer").is_some() => return Ok("NONE"),
            Some("NONE") => {
                let why =
                    " because 'NONE' is only a valid value when a DefaultAuthorizer on the API is specified.";
                return Err(self.unable("Authorizer", why));
            }
            _ => {}
        }
        let what = format!("Authorizer [{name}]");
        let Some(authorizers) = authorizers else {
            return Err(self.unable(&what, " because the related API does not define any Authorizers."));
        };
        let Some(name) = authorizer.as_str() else {
            let why = ". The method authorizer must be a string with a corresponding dict entry in the api authorizer.";
            return Err(self.unable(&what, why));
        };
        if authorizers.get(name).is_some_and(is_truthy) {
            return Ok(name);
        }
        Err(self.unable(&what, " because it wasn't defined in the API's Authorizers."))
    }

    /// The route's own scopes, else its authorizer's.
    fn scopes(&self, name: &str) -> Value {
        let none = Value::Array(Vec::new());
        let defined = self.api_auth.0.get("Authorizers").and_then(|authorizers| authorizers.get(name));
        let Some(defined) = defined.filter(|_| name != "NONE") else { return none };
        let given = |holder: Option<&Value>| holder.filter(|scopes| !scopes.is_null()).cloned();
        given(self.auth.get("AuthorizationScopes"))
            .or_else(|| given(defined.get("AuthorizationScopes")))
            .unwrap_or(none)
    }
}
