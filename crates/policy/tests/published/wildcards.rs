//! "Using wildcards in resource ARNs": a star takes in slashes, and one that ends its segment colons.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html#reference_policies_elements_resource_wildcards>

use super::*;

#[test]
fn wildcards_in_resources_take_in_what_the_page_says() {
    let asked = |pattern: &str, resource: &str| {
        let scene = Scene { identity: vec![allow(json!("*"), json!(pattern))], ..Scene::default() };
        scene.ask(user("arn:aws:iam::111111111111:user/ana"), "s3:GetObject", resource) == "allow"
    };
    for key in [
        "1/test/object.jpg",
        "1/2/test/object.jpg",
        "1/2/test/3/object.jpg",
        "1/2/3/test/4/object.jpg",
        "1///test///object.jpg",
        "1/test/.jpg",
        "/test/object.jpg",
        "1/test/",
    ] {
        assert!(asked(
            "arn:aws:s3:::amzn-s3-demo-bucket/*/test/*",
            &format!("arn:aws:s3:::amzn-s3-demo-bucket/{key}")
        ));
    }
    for key in ["1-test/object.jpg", "test/object.jpg", "1/2/test.jpg"] {
        assert!(!asked(
            "arn:aws:s3:::amzn-s3-demo-bucket/*/test/*",
            &format!("arn:aws:s3:::amzn-s3-demo-bucket/{key}")
        ));
    }
    let version = "arn:aws:lambda:us-east-1:111111111111:function:f:1";
    for pattern in [
        "*",
        "arn:aws:lambda:*",
        "arn:aws:lambda:*:*:function:f:*",
        "arn:aws:lambda:us-east-1:111111111111:*",
        "arn:aws:lambda:us-east-1:111111111111:function:*",
        "arn:*:lambda:*:1*:*:1",
    ] {
        assert!(asked(pattern, version), "{pattern}");
    }
    for (pattern, resource) in [
        ("arn:aws:s3:::*", "arn:aws:s3:::b/2026-11-22T10:00:00"),
        ("arn:aws:iam:*", "arn:aws:iam::111111111111:user/ana"),
    ] {
        assert!(asked(pattern, resource) && !asked(pattern, version), "{pattern}");
    }
}
