//! Bodies for fuzz targets: any bytes, no panic, and answers that agree with each other.

use crate::{
    Context, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate, explain,
};

const KINDS: [PolicyKind; 7] = [
    PolicyKind::Identity,
    PolicyKind::Resource,
    PolicyKind::Trust,
    PolicyKind::Session,
    PolicyKind::Boundary,
    PolicyKind::ServiceControl,
    PolicyKind::ResourceControl,
];

/// Parses the bytes as a policy of every kind and evaluates what parses; `true` where something did.
pub fn fuzz_policy(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let context =
        Context::new().with("aws:SourceIp", "192.0.2.1").with("aws:CurrentTime", "2026-11-22T00:00:00Z");
    let request = Request {
        principal: PrincipalView {
            kind: PrincipalKind::User,
            arn: "arn:aws:iam::111111111111:user/ana",
            account: "111111111111",
            role_arn: None,
            service: None,
            user_id: "AIDAEXAMPLE",
        },
        action: "dynamodb:GetItem",
        resource: "arn:aws:dynamodb:us-east-1:111111111111:table/orders",
        resource_account: "111111111111",
        context: &context,
    };
    let mut parsed = false;
    for kind in KINDS {
        let Ok(policy) = Policy::parse(text, kind) else { continue };
        parsed = true;
        let session = [policy.clone()];
        let set = match kind {
            PolicyKind::Resource | PolicyKind::Trust => {
                PolicySet { resource: Some(&policy), ..PolicySet::default() }
            }
            PolicyKind::Boundary => PolicySet { boundary: Some(&policy), ..PolicySet::default() },
            _ => PolicySet { session: &session, ..PolicySet::default() },
        };
        let agreed = evaluate(&request, &set).is_allowed() == explain(&request, &set).allowed;
        assert!(agreed, "evaluate and explain disagree");
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEEDS: [&str; 5] = [
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","NotAction":["a:*"],"NotResource":"arn:aws:s3:::${aws:username}/*","Condition":{"ForAllValues:StringLikeIfExists":{"a:b":["x*",1,true]}}}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","*"],"Service":"a.b"},"Action":"sts:AssumeRole"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"a:?","Resource":"arn:aws:sqs","Condition":{"Null":{"a:b":"true"},"IpAddress":{"aws:SourceIp":["::1","10.0.0.0/8"]}}}]}"#,
        "{",
    ];

    #[test]
    fn the_seeds_run() {
        assert_eq!(SEEDS.map(|seed| fuzz_policy(seed.as_bytes())), [true, true, true, true, false]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn mutated_policies_never_panic(seed in 0..SEEDS.len(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
            let mut bytes = SEEDS[seed].as_bytes().to_vec();
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            fuzz_policy(&bytes);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_policy(&bytes);
        }
    }
}
