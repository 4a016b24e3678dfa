//! Bodies for fuzz targets: any bytes, no panic, and answers that agree with each other.

use std::net::IpAddr;

use crate::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
    explain,
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

const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

const ANA: PrincipalView<'static> = PrincipalView {
    lender: None,
    kind: PrincipalKind::User,
    arn: "arn:aws:iam::111111111111:user/ana",
    account: "111111111111",
    role_arn: None,
    service: None,
    user_id: "AIDAEXAMPLE",
};

/// Parses the bytes as a policy of every kind and evaluates what parses; `true` where something did. What allows says so in so
/// many words, however the rest of it reads.
pub fn fuzz_policy(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let context =
        Context::new().with("aws:SourceIp", "192.0.2.1").with("aws:CurrentTime", "2026-11-22T00:00:00Z");
    let request = Request {
        principal: ANA,
        action: "dynamodb:GetItem",
        resource: "arn:aws:dynamodb:us-east-1:111111111111:table/orders",
        resource_account: "111111111111",
        context: &context,
    };
    let Ok(all) = Policy::parse(ALL, PolicyKind::Identity) else { return false };
    let all = [NamedPolicy::new("all", all)];
    let mut parsed = false;
    for kind in KINDS {
        let Ok(policy) = Policy::parse(text, kind) else { continue };
        parsed = true;
        let named = [NamedPolicy::new("given", policy.clone())];
        let level: [&[NamedPolicy]; 1] = [&named];
        let everything = PolicySet { identity: &all, ..PolicySet::default() };
        let set = match kind {
            PolicyKind::Identity => PolicySet { identity: &named, ..PolicySet::default() },
            PolicyKind::Resource | PolicyKind::Trust => {
                PolicySet { resource: Some(&policy), ..PolicySet::default() }
            }
            PolicyKind::Session => PolicySet { session: &named, ..everything },
            PolicyKind::Boundary => PolicySet { boundary: named.first(), ..everything },
            PolicyKind::ServiceControl => PolicySet { service_control: &level, ..everything },
            PolicyKind::ResourceControl => PolicySet { resource_control: &level, ..everything },
        };
        let allowed = evaluate(&request, &set).is_allowed();
        assert_eq!(allowed, explain(&request, &set).allowed, "evaluate and explain disagree");
        assert!(!allowed || says_allow(text), "a document without an allow allowed");
    }
    parsed
}

/// Whether a statement's effect is `Allow`, read by another parser.
fn says_allow(text: &str) -> bool {
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let allows = |statement: &serde_json::Value| statement.get("Effect").is_some_and(|it| it == "Allow");
    match document.get("Statement") {
        Some(serde_json::Value::Array(statements)) => statements.iter().any(allows),
        Some(one) => allows(one),
        None => false,
    }
}

const GUARDED: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/${aws:username}/*",
    "Condition":{"IpAddress":{"k:ip":"10.0.0.0/8"},"NumericLessThan":{"k:number":"10"},"DateLessThan":{"k:date":"2026-01-01"},
        "ArnLike":{"k:arn":"arn:aws:s3:::b*"},"ForAllValues:StringLike":{"k:texts":"a*"}}}}"#;
const REFUSED: &str = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

/// Takes the bytes, line by line, for an action, a resource, an account and values of condition keys; `true` where a policy that
/// names what it allows allowed them. They must then be what it names, and no request passes a deny of everything.
pub fn fuzz_request(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (action, resource, account) = (next(), next(), next());
    let mut context = Context::new();
    for key in ["k:ip", "k:number", "k:date", "k:arn"] {
        context.add(key, next());
    }
    let context = context.with_all("k:texts", lines);
    let request = Request { principal: ANA, action, resource, resource_account: account, context: &context };
    let policies =
        (Policy::parse(GUARDED, PolicyKind::Identity), Policy::parse(REFUSED, PolicyKind::Identity));
    let (Ok(guarded), Ok(refused)) = policies else { return false };
    let named = [NamedPolicy::new("guarded", guarded), NamedPolicy::new("refused", refused)];
    let decide = |identity| evaluate(&request, &PolicySet { identity, ..PolicySet::default() }).is_allowed();
    assert!(!decide(&named), "a deny of everything let something through");
    let allowed = decide(named.get(..1).unwrap_or_default());
    let value =
        |key: &str| context.values(key).first().map(|value| value.trim().to_owned()).unwrap_or_default();
    let as_named = action.to_ascii_lowercase().starts_with("s3:get")
        && resource.starts_with("arn:aws:s3:::b/ana/")
        && account == ANA.account
        && value("k:ip").parse().is_ok_and(|address: IpAddr| match address.to_canonical() {
            IpAddr::V4(address) => address.octets().starts_with(&[10]),
            IpAddr::V6(_) => false,
        })
        && value("k:number").parse::<f64>().is_ok_and(|number| number < 10.0)
        && value("k:arn").starts_with("arn:aws:s3:::b")
        && context.values("k:texts").iter().all(|value| value.is_empty() || value.starts_with('a'));
    assert!(!allowed || as_named, "something else than what is named was allowed");
    allowed
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

    const DENIALS: [&str; 3] = [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#,
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","NotAction":"s3:*","NotResource":"arn:aws:s3:::b","Condition":{"StringNotEqualsIfExists":{"a:b":"c"},"Null":{"aws:SourceIp":"false"}}}}"#,
        r#"{"Statement":[{"Effect":"Deny","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":"*","Action":"sts:*"}]}"#,
    ];

    const REQUEST: [&str; 8] = [
        "s3:GetObject",
        "arn:aws:s3:::b/ana/x",
        "111111111111",
        "10.1.2.3",
        "9",
        "2025-06-01",
        "arn:aws:s3:::bucket",
        "abc",
    ];

    #[test]
    fn the_request_that_is_named_is_allowed_and_its_neighbours_are_not() {
        assert!(fuzz_request(REQUEST.join("\n").as_bytes()));
        for (line, other) in [
            (0, "s3:PutObject"),
            (1, "arn:aws:s3:::b/bob/x"),
            (2, "222222222222"),
            (3, "11.1.2.3"),
            (4, "10"),
            (4, "ten"),
            (5, "2026-06-01"),
            (6, "arn:aws:sqs:::bucket"),
            (7, "xyz"),
        ] {
            let mut request = REQUEST;
            request[line] = other;
            assert!(!fuzz_request(request.join("\n").as_bytes()), "{other}");
        }
    }

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

        /// A deny stays one whatever happens to its text: `fuzz_policy` finds no allow in it.
        #[test]
        fn mutated_denials_never_allow(seed in 0..DENIALS.len(), edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:,*?$ alowADenyu041".to_vec())), 0..6)) {
            let mut bytes = DENIALS[seed].as_bytes().to_vec();
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            fuzz_policy(&bytes);
        }

        #[test]
        fn mutated_requests_are_never_something_else(edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\n*?:/.-0129axE+ ".to_vec())), 0..5)) {
            let mut bytes = REQUEST.join("\n").into_bytes();
            for (place, byte) in edits {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            fuzz_request(&bytes);
        }

        #[test]
        fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_policy(&bytes);
            fuzz_request(&bytes);
        }
    }
}
