//! Which function URL a request is for: `<url-id>.lambda-url.<anything>`, or `/_aws/lambda-url/<url-id>/…`.
//!
//! An address names a URL; whether there is one is not known here.

use http::request::Parts;

use crate::address::host;

/// Where the second form of address begins.
const PATH_FORM: &str = "/_aws/lambda-url/";

/// A URL's address, taken from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlAddress<'r> {
    pub(crate) url_id: &'r str,
    /// The raw path behind the address, from its slash on; `/` where there is none.
    pub(crate) path: &'r str,
    /// The host that the request names, or would name in the other form.
    pub(crate) domain_name: String,
}

impl<'r> UrlAddress<'r> {
    /// The address of a request; `None` where it is not for a function URL at all.
    pub(crate) fn of(head: &'r Parts) -> Option<Self> {
        let path = head.uri.path();
        if let Some(rest) = path.strip_prefix(PATH_FORM) {
            let at = rest.find('/').unwrap_or(rest.len());
            let (url_id, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
            return Some(Self {
                url_id,
                path: or_root(path),
                domain_name: format!("{url_id}.lambda-url.localhost"),
            });
        }
        let host = host(head)?;
        let mut labels = host.splitn(3, '.');
        let (url_id, kind) = (labels.next()?, labels.next()?);
        if !kind.eq_ignore_ascii_case("lambda-url") || labels.next().is_none() {
            return None;
        }
        Some(Self { url_id, path: or_root(path), domain_name: host.to_owned() })
    }
}

const fn or_root(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_a_url() {
        for (host, uri, expected) in [
            ("u1.lambda-url.us-east-1.localhost:4566", "/x/y?z", Some(("u1", "/x/y"))),
            ("u1.lambda-url.us-east-1.on.aws", "/", Some(("u1", "/"))),
            ("U1.Lambda-Url.localhost", "/", Some(("U1", "/"))),
            ("127.0.0.1:4566", "/_aws/lambda-url/u1/x", Some(("u1", "/x"))),
            ("127.0.0.1:4566", "/_aws/lambda-url/u1", Some(("u1", "/"))),
            ("127.0.0.1:4566", "/_aws/lambda-url/", Some(("", "/"))),
            ("127.0.0.1:4566", "/_aws/lambda-url", None),
            ("u1.lambda-url", "/", None),
            ("u1.execute-api.localhost", "/", None),
        ] {
            let request = http::Request::builder().uri(uri).header("host", host).body(()).unwrap();
            let (head, ()) = request.into_parts();
            let found = UrlAddress::of(&head);
            let found = found.as_ref().map(|it| (it.url_id, it.path));
            assert_eq!(found, expected, "{host} {uri}");
        }
    }
}
