//! Bodies for fuzz targets: API definitions and policies that customers send.

use crate::openapi::Document;
use crate::records::ApiRecord;

/// Reads any bytes as an API definition; what is understood makes an API or an error.
pub fn fuzz_openapi(data: &[u8]) {
    if let Ok(document) = Document::read(data) {
        let mut api = ApiRecord::new("fuzz".to_owned(), base::Timestamp::default());
        if document.apply(&mut api).is_ok() {
            let _ = crate::freeze::freeze(&api);
        }
        let _ = document.roles();
    }
}

/// Reads any bytes as an API's resource policy; what is accepted parses as a policy again.
pub fn fuzz_resource_policy(data: &[u8]) {
    let (Ok(text), Ok(region), Ok(account)) =
        (std::str::from_utf8(data), "us-east-1".parse(), "111111111111".parse())
    else {
        return;
    };
    if let Ok(spelt_out) = crate::model::resource_policy(text, &region, account, "a1") {
        let parsed = policy::Policy::parse(&spelt_out, policy::PolicyKind::Resource);
        assert!(parsed.is_ok(), "an accepted policy does not parse");
    }
}

/// Reads any bytes as a file of API keys.
pub fn fuzz_keys_csv(data: &[u8]) {
    if let Ok(lines) = crate::keys_csv::read(data) {
        assert!(lines.len() <= data.len(), "more keys than there are bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEEDS: [&str; 4] = [
        "name,key,description,usageplanIds\na,bbbb,\"c\"\"\",\"d,e\"\n",
        r#"{"swagger":"2.0","info":{"title":"t"},"paths":{"/a/{b}":{"get":{"x-amazon-apigateway-integration":{"type":"mock","requestTemplates":{"application/json":"{\"statusCode\":200}"},"responses":{"default":{"statusCode":"200"}}}}}}}"#,
        r#"{"openapi":"3.0.1","paths":{"/{p+}":{"x-amazon-apigateway-any-method":{"security":[{"s":[]}]}}},"components":{"securitySchemes":{"s":{"x-amazon-apigateway-authtype":"awsSigv4"}}}}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}]}"#,
    ];

    #[test]
    fn the_seeds_run() {
        for seed in SEEDS {
            fuzz_openapi(seed.as_bytes());
            fuzz_resource_policy(seed.as_bytes());
            fuzz_keys_csv(seed.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn mutated_documents_never_panic(seed in 0..SEEDS.len(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5)) {
            let mut bytes = SEEDS[seed].as_bytes().to_vec();
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            fuzz_openapi(&bytes);
            fuzz_resource_policy(&bytes);
            fuzz_keys_csv(&bytes);
        }
    }
}
