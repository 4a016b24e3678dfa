//! Requests held against what their method asks for: parameters that must be there, bodies that must fit a model.
//!
//! A body of a content type that no model is for is not looked at, as in AWS: who wants all bodies judged names a model for
//! `$default`.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::records::{Parameter, Validation};
use crate::refusal::Refusal;
use crate::schema::Schemas;

/// What a request brings, as far as it is checked.
pub(crate) struct Given<'r> {
    pub(crate) headers: &'r HeaderMap,
    pub(crate) query: &'r str,
    /// The path's parameters, decoded.
    pub(crate) path: &'r [(String, String)],
    pub(crate) body: &'r [u8],
}

/// Holds a request against what is asked of it.
///
/// # Errors
/// A parameter is not there or blank, or the body does not fit its model.
pub(crate) fn check(validation: &Validation, schemas: &Schemas, given: &Given<'_>) -> Result<(), Refusal> {
    let missing = validation.parameters.iter().filter(|parameter| !is_given(parameter, given));
    let missing: Vec<_> = missing.map(Parameter::name).collect();
    if !missing.is_empty() {
        return Err(Refusal::missing_parameters(&missing));
    }
    match model(validation, given.headers) {
        Some(model) => schemas.judge(model, given.body).map_err(|problems| Refusal::bad_body(&problems)),
        None => Ok(()),
    }
}

fn is_given(parameter: &Parameter, given: &Given<'_>) -> bool {
    match parameter {
        Parameter::Header(name) => {
            let mut values = given.headers.get_all(name.as_str()).iter();
            values.any(|value| value.as_bytes().iter().any(|byte| !byte.is_ascii_whitespace()))
        }
        Parameter::Query(name) => given.query.split('&').any(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded =
                |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
            !value.is_empty() && decoded(key) == *name && !decoded(value).trim().is_empty()
        }),
        Parameter::Path(name) => given.path.iter().any(|(key, value)| key == name && !value.is_empty()),
    }
}

/// The model for a request's content type.
fn model<'v>(validation: &'v Validation, headers: &HeaderMap) -> Option<&'v str> {
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
    let fitting = validation.models.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(essence));
    let model = fitting.map(|(_, model)| model).or_else(|| validation.models.get("$default"));
    model.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn parameters_must_be_there_and_not_blank() {
        let asked = ["header.X-Tenant", "querystring.page size", "path.id"];
        let parameters = asked.iter().map(|name| Parameter::of(&format!("method.request.{name}")).unwrap());
        let validation = Validation { parameters: parameters.collect(), models: BTreeMap::new() };
        for (header, query, path, missing) in [
            ("a", "page%20size=1", "7", ""),
            ("a", "page+size=1&x", "7", ""),
            (" ", "page+size=1", "7", "X-Tenant"),
            ("a", "page+size", "7", "page size"),
            ("a", "page+size=+", "", "page size, id"),
        ] {
            let headers = HeaderMap::from_iter([("x-tenant".parse().unwrap(), header.parse().unwrap())]);
            let path = [("id".to_owned(), path.to_owned())];
            let given = Given { headers: &headers, query, path: &path, body: b"" };
            let found = check(&validation, &Schemas::default(), &given).err();
            let message = found.map(|refusal| refusal.message().to_owned()).unwrap_or_default();
            let expected = format!("Missing required request parameters: [{missing}]");
            assert_eq!(message, if missing.is_empty() { String::new() } else { expected }, "{query}");
        }
        assert_eq!(Parameter::of("method.request.body"), None);
        assert_eq!(Parameter::of("method.request.header."), None);
    }

    #[test]
    fn a_model_is_for_a_content_type() {
        let models = BTreeMap::from([("m".to_owned(), r#"{"type":"object"}"#.to_owned())]);
        let schemas = Schemas::compile(&models).unwrap();
        for (kinds, content_type, body, refused) in [
            ("application/json", None, "[]", true),
            ("application/json", None, "", true),
            ("application/json", Some("Application/JSON; charset=utf-8"), "{}", false),
            ("application/json", Some("text/plain"), "[]", false),
            ("$default", Some("text/plain"), "[]", true),
        ] {
            let models = BTreeMap::from([(kinds.to_owned(), "m".to_owned())]);
            let validation = Validation { parameters: Vec::new(), models };
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type {
                headers.insert("content-type", content_type.parse().unwrap());
            }
            let given = Given { headers: &headers, query: "", path: &[], body: body.as_bytes() };
            let found = check(&validation, &schemas, &given).err();
            assert_eq!(found.map(|it| it.message().to_owned()).is_some(), refused, "{content_type:?} {body}");
        }
    }
}
