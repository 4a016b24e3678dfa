//! Bodies for fuzz targets: paths, addresses and function answers that strangers or customers send.

use crate::address::Address;
use crate::proxy;
use crate::records::{Authorization, DeployedMethod, Integration, Mock};
use crate::route::{RequestPath, Router};

const ROUTES: [&str; 6] = ["/", "/a", "/a/{x}", "/a/{x}/b", "/{y}/c", "/{proxy+}"];

/// Routes any path; what is found has the parameters that its template names.
pub fn fuzz_route(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    let method = |path: &&str| DeployedMethod {
        resource_id: String::new(),
        resource_path: (*path).to_owned(),
        http_method: "ANY".to_owned(),
        authorization: Authorization::None,
        authorizer: None,
        api_key_required: false,
        validation: None,
        integration: Integration::Mock(Mock::default()),
    };
    let methods: Vec<_> = ROUTES.iter().map(method).collect();
    let path = RequestPath::new(path);
    if let Some(found) = Router::new(&methods).find("GET", &path) {
        let template = ROUTES.get(found.method).copied().unwrap_or_default();
        let named = template.matches('{').count();
        assert!(named == found.parameters.len(), "a route has other parameters than its template");
    }
}

/// Reads any bytes as a request target and host.
pub fn fuzz_address(data: &[u8]) {
    let (host, uri) = data.split_at_checked(data.len() / 2).unwrap_or((data, b"/"));
    let request = http::Request::builder().uri(uri).header("host", host).body(());
    if let Ok(request) = request {
        let (head, ()) = request.into_parts();
        let _ = Address::of(&head);
    }
}

/// Reads any bytes as a function's answer.
pub fn fuzz_proxy_answer(data: &[u8]) {
    if let Ok(response) = proxy::answer(data, true) {
        assert!(response.status().as_u16() >= 200, "an answer that is none");
    }
}

/// Reads any bytes as the answer of a function that has a URL.
pub fn fuzz_url_answer(data: &[u8]) {
    crate::url::fuzz_answer(data);
}

/// Reads any bytes as an answer that somebody awaits, and as the address it is sent to.
pub fn fuzz_callback(data: &[u8]) {
    crate::callback::fuzz_answer(data);
}

/// Reads any bytes as what an authorizer's function answers.
pub fn fuzz_authorizer(data: &[u8]) {
    crate::authorizer::fuzz_answer(data);
}

/// Reads any bytes as a model and a body for it.
pub fn fuzz_schema(data: &[u8]) {
    crate::schema::fuzz_schema(data);
}

/// Reads any bytes as what names a mock's status.
pub fn fuzz_mock_status(data: &[u8]) {
    crate::mock::fuzz_status(data);
}

/// Reads any bytes as a template of an API's own answer.
pub fn fuzz_template(data: &[u8]) {
    crate::own_answer::fuzz_template(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_seeds_run() {
        for seed in [
            "",
            "/",
            "//",
            "/a/%2F/b",
            "/%",
            "/%ff/c",
            "/a/b/c/",
            "{",
            r#"{"statusCode":200,"headers":{"a":[1]}}"#,
            "/_fastness/answers/a?X-Signature=b",
            r#"{statusCode: 200, 'a': "b\u0041", c: [d e,,], }"#,
            r##"{"$ref":"#/a","a":{"enum":[1]}}{"b":[1,2,3,4,5,6,7]}"##,
            "$context.error.message$stageVariables.a$method.request.header.x-a$",
            r#"{"principalId":"p","policyDocument":{"Version":"2012-10-17","Statement":[]},"context":{"a":1}}"#,
        ] {
            fuzz_route(seed.as_bytes());
            fuzz_address(seed.as_bytes());
            fuzz_proxy_answer(seed.as_bytes());
            fuzz_url_answer(seed.as_bytes());
            fuzz_callback(seed.as_bytes());
            fuzz_authorizer(seed.as_bytes());
            fuzz_schema(seed.as_bytes());
            fuzz_template(seed.as_bytes());
            fuzz_mock_status(seed.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), path in "[a-c/%2F+.]{0,20}") {
            fuzz_route(&bytes);
            fuzz_route(path.as_bytes());
            fuzz_address(&bytes);
            fuzz_proxy_answer(&bytes);
            fuzz_url_answer(&bytes);
            fuzz_callback(&bytes);
            fuzz_authorizer(&bytes);
            fuzz_schema(&bytes);
            fuzz_template(&bytes);
            fuzz_mock_status(&bytes);
        }
    }
}
