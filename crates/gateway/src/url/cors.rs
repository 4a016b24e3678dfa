//! Which other sites' scripts may use a function URL: answers to their browsers' questions, and headers on every answer.
//!
//! It lets nobody in: a browser keeps to it, and whoever is no browser needs leave like anyone.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use serde::{Deserialize, Serialize};

/// A function URL's CORS settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlCors {
    /// Sites, or `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    /// Methods, or `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    /// Headers that a request may have, or `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    /// Headers of an answer that a script may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// How long a browser may remember an answer, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_secs: Option<u32>,
    /// Whether a script may send cookies and credentials.
    #[serde(default)]
    pub allow_credentials: bool,
}

impl UrlCors {
    /// The answer to a browser's question before a request; `None` where this is no such question.
    pub(super) fn preflight(&self, head: &Parts, origin: &HeaderValue) -> Option<Response<Bytes>> {
        let method = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Bytes::new());
        let asked = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let asked = asked.and_then(|asked| asked.to_str().ok()).unwrap_or_default();
        let names = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        let is_allowed = method.to_str().is_ok_and(|method| allows(&self.allow_methods, method, false))
            && names.into_iter().all(|name| allows(&self.allow_headers, name, true));
        if is_allowed && self.put_origin(response.headers_mut(), origin) {
            let headers = response.headers_mut();
            put(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &self.allow_methods.join(","));
            put(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &self.allow_headers.join(","));
            if let Some(secs) = self.max_age_secs {
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, secs.into());
            }
        }
        Some(response)
    }

    /// Puts these settings on an answer, in the place of what the function set.
    pub(super) fn decorate(&self, headers: &mut HeaderMap, origin: &HeaderValue) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            headers.remove(name);
        }
        if self.put_origin(headers, origin) {
            put(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(","));
        }
    }

    fn put_origin(&self, headers: &mut HeaderMap, origin: &HeaderValue) -> bool {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Ok(text) = origin.to_str() else { return false };
        if !allows(&self.allow_origins, text, false) {
            return false;
        }
        let any = self.allow_origins.iter().any(|allowed| allowed == "*");
        let told =
            if any && !self.allow_credentials { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, told);
        if self.allow_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

fn allows(list: &[String], asked: &str, any_case: bool) -> bool {
    let same = |allowed: &String| allowed == asked || (any_case && allowed.eq_ignore_ascii_case(asked));
    list.iter().any(|allowed| allowed == "*" || same(allowed))
}

/// Sets a header, unless there is nothing to say.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> UrlCors {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        UrlCors {
            allow_origins: list(origins),
            allow_methods: list(&["GET", "POST"]),
            allow_headers: list(&["X-Own"]),
            expose_headers: list(&["x-told"]),
            max_age_secs: Some(60),
            allow_credentials: credentials,
        }
    }

    fn asked(method: &str, wanted: &str, headers: &str) -> Parts {
        let request = http::Request::builder()
            .method(method)
            .uri("/")
            .header("access-control-request-method", wanted)
            .header("access-control-request-headers", headers);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_question_is_answered_and_nothing_else_is_one() {
        let site = HeaderValue::from_static("https://a.example");
        let allowed = |cors: &UrlCors, method: &str, headers: &str| {
            let answer = cors.preflight(&asked("OPTIONS", method, headers), &site).unwrap();
            answer.headers().get("access-control-allow-origin").map(|it| it.to_str().unwrap().to_owned())
        };
        let one = cors(&["https://a.example"], true);
        assert_eq!(allowed(&one, "GET", "x-own, X-OWN").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&one, "DELETE", ""), None);
        assert_eq!(allowed(&one, "GET", "x-other"), None);
        assert_eq!(allowed(&cors(&["https://b.example"], false), "GET", ""), None);
        assert_eq!(allowed(&cors(&["*"], false), "GET", "").as_deref(), Some("*"));
        assert_eq!(allowed(&cors(&["*"], true), "GET", "").as_deref(), Some("https://a.example"));
        assert!(one.preflight(&asked("GET", "GET", ""), &site).is_none());
        let plain = http::Request::builder().method("OPTIONS").uri("/").body(()).unwrap().into_parts().0;
        assert!(one.preflight(&plain, &site).is_none());
    }

    #[test]
    fn answers_carry_the_settings_and_not_the_functions_own() {
        let mut headers = HeaderMap::new();
        headers.insert("access-control-allow-origin", HeaderValue::from_static("https://evil.example"));
        cors(&["https://a.example"], false)
            .decorate(&mut headers, &HeaderValue::from_static("https://b.example"));
        assert!(headers.get("access-control-allow-origin").is_none());
        cors(&["https://a.example"], false)
            .decorate(&mut headers, &HeaderValue::from_static("https://a.example"));
        assert_eq!(headers["access-control-allow-origin"], "https://a.example");
        assert_eq!(headers["access-control-expose-headers"], "x-told");
    }
}
