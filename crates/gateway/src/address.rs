//! Which stage a request is for: `<api-id>.execute-api.<anything>` with `/<stage>/…`, or `/_aws/execute-api/<api-id>/<stage>/…`.
//!
//! An address names a stage; whether there is one is not known here.

use http::request::Parts;

/// Where the second form of address begins.
const PATH_FORM: &str = "/_aws/execute-api/";

/// A stage's address, taken from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address<'r> {
    pub(crate) rest_api_id: &'r str,
    /// Empty where the path ends before it.
    pub(crate) stage_name: &'r str,
    /// The raw path behind the stage, from its slash on; may be empty.
    pub(crate) path: &'r str,
    /// The host that the request names, or would name in the other form.
    pub(crate) domain_name: String,
}

impl<'r> Address<'r> {
    /// The address of a request; `None` where it is not for a stage at all.
    pub(crate) fn of(head: &'r Parts) -> Option<Self> {
        let path = head.uri.path();
        if let Some(rest) = path.strip_prefix(PATH_FORM) {
            let (rest_api_id, rest) = rest.split_once('/').unwrap_or((rest, ""));
            return Some(Self::new(rest_api_id, rest, format!("{rest_api_id}.execute-api.localhost")));
        }
        let host = host(head)?;
        let mut labels = host.splitn(3, '.');
        let (rest_api_id, kind) = (labels.next()?, labels.next()?);
        if !kind.eq_ignore_ascii_case("execute-api") || labels.next().is_none() {
            return None;
        }
        Some(Self::new(rest_api_id, path.strip_prefix('/').unwrap_or(path), host.to_owned()))
    }

    fn new(rest_api_id: &'r str, rest: &'r str, domain_name: String) -> Self {
        let at = rest.find('/').unwrap_or(rest.len());
        let (stage_name, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        Self { rest_api_id, stage_name, path, domain_name }
    }
}

/// The host without its port: from `Host`, or from the request line of HTTP/2.
pub(crate) fn host(head: &Parts) -> Option<&str> {
    let named = head.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    let host = named.or_else(|| head.uri.authority().map(http::uri::Authority::as_str))?;
    Some(host.split(':').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(host: &str, uri: &str) -> Parts {
        let request = http::Request::builder().uri(uri).header("host", host).body(()).unwrap();
        request.into_parts().0
    }

    #[test]
    fn both_forms_name_a_stage() {
        for (host, uri, expected) in [
            ("a1.execute-api.localhost:4566", "/prod/x/y?z", Some(("a1", "prod", "/x/y"))),
            ("a1.execute-api.us-east-1.amazonaws.com", "/prod", Some(("a1", "prod", ""))),
            ("A1.Execute-Api.localhost", "/prod/", Some(("A1", "prod", "/"))),
            ("a1.execute-api.localhost", "/", Some(("a1", "", ""))),
            ("127.0.0.1:4566", "/_aws/execute-api/a1/prod/x", Some(("a1", "prod", "/x"))),
            ("127.0.0.1:4566", "/_aws/execute-api/a1", Some(("a1", "", ""))),
            ("127.0.0.1:4566", "/_aws/execute-api", None),
            ("127.0.0.1:4566", "/prod/x", None),
            ("a1.execute-api", "/prod/x", None),
            ("execute-api.localhost", "/prod", None),
        ] {
            let head = head(host, uri);
            let found = Address::of(&head);
            let found = found.as_ref().map(|it| (it.rest_api_id, it.stage_name, it.path));
            assert_eq!(found, expected, "{host} {uri}");
        }
    }
}
