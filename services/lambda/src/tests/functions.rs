//! Functions, versions, aliases, tags, concurrency settings.

use serde_json::{Value, json};

use super::{ARN, Fixture, ROLE, create_input, zip_base64};

#[tokio::test]
async fn a_function_is_created_read_listed_and_deleted() {
    let fixture = Fixture::empty().await;
    let created = fixture.ok("CreateFunction", create_input()).await;
    assert_eq!(created["FunctionArn"], ARN);
    assert_eq!((&created["State"], &created["StateReasonCode"]), (&json!("Pending"), &json!("Creating")));
    assert_eq!((&created["Timeout"], &created["MemorySize"]), (&json!(3), &json!(128)));
    assert_eq!(created["Version"], "$LATEST");
    let read = fixture.ok("GetFunction", json!({"FunctionName": ARN})).await;
    assert_eq!(read["Configuration"]["State"], "Active");
    assert_eq!(read["Configuration"]["LastUpdateStatus"], "Successful");
    assert_eq!(read["Configuration"]["Environment"]["Variables"]["GREETING"], "hello-secret");
    assert_eq!(read["Tags"], json!({"team": "blue"}));
    let listed = fixture.ok("ListFunctions", json!({})).await;
    assert_eq!(listed["Functions"].as_array().unwrap().len(), 1);
    let again = fixture.refused("CreateFunction", create_input()).await;
    assert_eq!(again, ("ResourceConflictException".into(), "Function already exist: orders".into()));
    fixture.ok("DeleteFunction", json!({"FunctionName": "orders"})).await;
    let gone = fixture.refused("GetFunction", json!({"FunctionName": "orders"})).await;
    assert_eq!(gone, ("ResourceNotFoundException".into(), format!("Function not found: {ARN}")));
    assert_eq!(fixture.ok("ListFunctions", json!({})).await["Functions"], json!([]));
}

#[tokio::test]
async fn the_number_of_a_version_is_never_used_again_under_the_same_name() {
    let fixture = Fixture::start().await;
    let named = || json!({"FunctionName": "orders"});
    assert_eq!(fixture.ok("PublishVersion", named()).await["Version"], "1");
    fixture.ok("DeleteFunction", named()).await;
    let fixture = fixture.restarted().await;
    fixture.ok("CreateFunction", create_input()).await;
    assert_eq!(fixture.ok("PublishVersion", named()).await["Version"], "2");
    // Deleted twice, and published at once.
    fixture.ok("DeleteFunction", named()).await;
    let mut input = create_input();
    input["Publish"] = json!(true);
    assert_eq!(fixture.ok("CreateFunction", input.clone()).await["Version"], "3");
    input["FunctionName"] = json!("others");
    assert_eq!(fixture.ok("CreateFunction", input).await["Version"], "1");
}

#[tokio::test]
async fn an_alias_shares_invocations_between_versions_of_one_role_alone() {
    let fixture = Fixture::start().await;
    let named = || json!({"FunctionName": "orders"});
    fixture.ok("PublishVersion", named()).await;
    let other = ROLE.replace("orders-role", "other-role");
    fixture.kit.role("other-role", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Role": other})).await;
    fixture.ok("PublishVersion", named()).await;
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Description": "3"})).await;
    fixture.ok("PublishVersion", named()).await;
    let alias = |version: &str, other: &str| {
        json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": {other: 0.5}}})
    };
    let refusal = "Specified versions must be associated with the same execution role";
    let refused = ("InvalidParameterValueException".to_owned(), refusal.to_owned());
    assert_eq!(fixture.refused("CreateAlias", alias("1", "2")).await, refused);
    fixture.ok("CreateAlias", alias("2", "3")).await;
    assert_eq!(fixture.refused("UpdateAlias", alias("2", "1")).await, refused);
    // The share stays as it is where only the first version changes.
    let moved = json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"});
    assert_eq!(fixture.refused("UpdateAlias", moved).await, refused);
}

#[tokio::test]
async fn a_restart_keeps_functions_versions_aliases_and_permissions() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    fixture
        .ok("CreateAlias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}))
        .await;
    fixture
        .ok(
            "AddPermission",
            json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com"}),
        )
        .await;
    let before = fixture.ok("GetFunction", json!({"FunctionName": "orders", "Qualifier": "live"})).await;
    let policy = fixture.ok("GetPolicy", json!({"FunctionName": "orders"})).await;
    let fixture = fixture.restarted().await;
    let after = fixture.ok("GetFunction", json!({"FunctionName": "orders", "Qualifier": "live"})).await;
    assert_eq!(after, before);
    assert_eq!(fixture.ok("GetPolicy", json!({"FunctionName": "orders"})).await, policy);
    let answer = fixture.invoke(json!({"FunctionName": "orders:live"}), &json!({})).await;
    assert_eq!(answer["Payload"]["version"], "1");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_name() {
    let fixture = Fixture::empty().await;
    let cases: [(&str, Value, &str, &str); 11] = [
        (
            "Role",
            json!("arn:aws:iam::123456789012:role/stranger-role"),
            "InvalidParameterValueException",
            "cannot be assumed by Lambda",
        ),
        (
            "Role",
            json!("arn:aws:iam::123456789012:role/missing"),
            "InvalidParameterValueException",
            "cannot be assumed by Lambda",
        ),
        (
            "Role",
            json!("arn:aws:iam::999999999999:role/x"),
            "AccessDeniedException",
            "Cross-account pass role",
        ),
        ("Runtime", json!("java21"), "InvalidParameterValueException", "Member must satisfy enum value set"),
        ("Timeout", json!(901), "ValidationException", "less than or equal to 900"),
        ("MemorySize", json!(10_241), "InvalidParameterValueException", "less than or equal to 10240"),
        (
            "Layers",
            json!(["arn:aws:lambda:us-east-1:123456789012:layer:x:1"]),
            "InvalidParameterValueException",
            "Layer version arn:aws:lambda:us-east-1:123456789012:layer:x:1 does not exist.",
        ),
        ("VpcConfig", json!({"SubnetIds": ["subnet-1"]}), "InvalidParameterValueException", "VpcConfig"),
        (
            "Environment",
            json!({"Variables": {"AWS_REGION": "x"}}),
            "InvalidParameterValueException",
            "reserved keys",
        ),
        (
            "Code",
            json!({"S3Bucket": "bucket", "S3Key": "k"}),
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: ",
        ),
        (
            "Code",
            json!({"ZipFile": "bm8gemlw"}),
            "InvalidParameterValueException",
            "Could not unzip uploaded file",
        ),
    ];
    for (member, value, code, message) in cases {
        let mut input = create_input();
        input[member] = value;
        let (seen, said) = fixture.refused("CreateFunction", input).await;
        assert_eq!(seen, code, "{member}: {said}");
        assert!(said.contains(message), "{member}: {said}");
    }
    let mut input = create_input();
    input.as_object_mut().unwrap().remove("Handler");
    let (_, said) = fixture.refused("CreateFunction", input).await;
    assert!(said.starts_with("Runtime and Handler are mandatory"), "{said}");
    assert_eq!(fixture.ok("ListFunctions", json!({})).await["Functions"], json!([]));
}

#[tokio::test]
async fn updates_change_the_revision_and_keep_what_they_do_not_name() {
    let fixture = Fixture::start().await;
    let before = fixture.ok("GetFunctionConfiguration", json!({"FunctionName": "orders"})).await;
    let stale =
        json!({"FunctionName": "orders", "Timeout": 5, "RevisionId": "00000000-0000-0000-0000-000000000000"});
    let (code, _) = fixture.refused("UpdateFunctionConfiguration", stale).await;
    assert_eq!(code, "PreconditionFailedException");
    let update = json!({"FunctionName": "orders", "Timeout": 5, "RevisionId": before["RevisionId"]});
    let updated = fixture.ok("UpdateFunctionConfiguration", update).await;
    assert_eq!((&updated["Timeout"], &updated["LastUpdateStatus"]), (&json!(5), &json!("InProgress")));
    assert_eq!(updated["Environment"]["Variables"]["GREETING"], "hello-secret");
    assert_ne!(updated["RevisionId"], before["RevisionId"]);
    let code = json!({"FunctionName": "orders", "ZipFile": zip_base64("2"), "Publish": true});
    let published = fixture.ok("UpdateFunctionCode", code).await;
    assert_eq!(published["Version"], "1");
    assert_ne!(published["CodeSha256"], before["CodeSha256"]);
    let rehearsal = json!({"FunctionName": "orders", "ZipFile": zip_base64("3"), "DryRun": true});
    let rehearsed = fixture.ok("UpdateFunctionCode", rehearsal).await;
    let read = fixture.ok("GetFunctionConfiguration", json!({"FunctionName": "orders"})).await;
    assert_eq!(read["CodeSha256"], published["CodeSha256"]);
    assert_ne!(rehearsed["CodeSha256"], read["CodeSha256"]);
}

#[tokio::test]
async fn versions_are_made_only_of_changes_and_are_never_numbered_twice() {
    let fixture = Fixture::start().await;
    let publish = || fixture.ok("PublishVersion", json!({"FunctionName": "orders"}));
    assert_eq!(publish().await["Version"], "1");
    assert_eq!(publish().await["Version"], "1");
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "MemorySize": 256})).await;
    assert_eq!(publish().await["Version"], "2");
    fixture.ok("DeleteFunction", json!({"FunctionName": "orders", "Qualifier": "2"})).await;
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "MemorySize": 512})).await;
    assert_eq!(publish().await["Version"], "3");
    let listed = fixture.ok("ListVersionsByFunction", json!({"FunctionName": "orders", "MaxItems": 2})).await;
    let versions = |page: &Value| -> Vec<String> {
        page["Versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["Version"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(versions(&listed), ["$LATEST", "1"]);
    let next = json!({"FunctionName": "orders", "Marker": listed["NextMarker"]});
    assert_eq!(versions(&fixture.ok("ListVersionsByFunction", next).await), ["3"]);
    let read = fixture.ok("GetFunctionConfiguration", json!({"FunctionName": "orders:1"})).await;
    assert_eq!((&read["MemorySize"], &read["FunctionArn"]), (&json!(128), &json!(format!("{ARN}:1"))));
    let (code, _) = fixture.refused("GetFunction", json!({"FunctionName": "orders", "Qualifier": "2"})).await;
    assert_eq!(code, "ResourceNotFoundException");
    let latest = json!({"FunctionName": "orders", "Qualifier": "$LATEST"});
    let (code, _) = fixture.refused("DeleteFunction", latest).await;
    assert_eq!(code, "InvalidParameterValueException");
    let wrong = json!({"FunctionName": "orders", "CodeSha256": "x"});
    let (code, message) = fixture.refused("PublishVersion", wrong).await;
    assert_eq!(code, "InvalidParameterValueException");
    assert!(message.starts_with("CodeSHA256 (x) is different"), "{message}");
}

#[tokio::test]
async fn aliases_point_to_versions_that_cannot_go_away_under_them() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    let alias = |name: &str, version: &str| json!({"FunctionName": "orders", "Name": name, "FunctionVersion": version});
    let made = fixture.ok("CreateAlias", alias("live", "1")).await;
    assert_eq!(made["AliasArn"], format!("{ARN}:live"));
    for (input, code) in
        [(alias("live", "1"), "ResourceConflictException"), (alias("next", "9"), "ResourceNotFoundException")]
    {
        assert_eq!(fixture.refused("CreateAlias", input).await.0, code);
    }
    assert_eq!(
        fixture.refused("DeleteFunction", json!({"FunctionName": "orders:1"})).await.0,
        "ResourceConflictException"
    );
    let missing = fixture.refused("GetAlias", json!({"FunctionName": "orders", "Name": "x"})).await;
    assert_eq!(missing, ("ResourceNotFoundException".into(), format!("Cannot find alias arn: {ARN}:x")));
    let update =
        json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "$LATEST", "Description": "d"});
    assert_eq!(fixture.ok("UpdateAlias", update).await["FunctionVersion"], "$LATEST");
    let listed = fixture.ok("ListAliases", json!({"FunctionName": "orders"})).await;
    assert_eq!(listed["Aliases"][0]["Description"], "d");
    fixture.ok("DeleteAlias", json!({"FunctionName": "orders", "Name": "live"})).await;
    fixture.ok("DeleteAlias", json!({"FunctionName": "orders", "Name": "live"})).await;
    fixture.ok("DeleteFunction", json!({"FunctionName": "orders:1"})).await;
}

#[tokio::test]
async fn tags_and_concurrency_are_kept() {
    let fixture = Fixture::start().await;
    fixture.ok("TagResource", json!({"Resource": ARN, "Tags": {"a": "1"}})).await;
    fixture.ok("UntagResource", json!({"Resource": ARN, "TagKeys": ["team"]})).await;
    assert_eq!(fixture.ok("ListTags", json!({"Resource": ARN})).await["Tags"], json!({"a": "1"}));
    let put = |n: u32| json!({"FunctionName": "orders", "ReservedConcurrentExecutions": n});
    fixture.ok("PutFunctionConcurrency", put(50)).await;
    let (code, message) = fixture.refused("PutFunctionConcurrency", put(51)).await;
    assert_eq!(code, "InvalidParameterValueException");
    assert!(message.ends_with("below its minimum value of [50]."), "{message}");
    let read = fixture.ok("GetFunctionConcurrency", json!({"FunctionName": "orders"})).await;
    assert_eq!(read["ReservedConcurrentExecutions"], 50);
    let settings = fixture.ok("GetAccountSettings", json!({})).await;
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 100, "the machine's");
    assert_eq!(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 50);
    // What is reserved is kept free in memory, too: a machine that cannot does not say that it does.
    let large = |mib: u32| json!({"FunctionName": "orders", "MemorySize": mib});
    let (code, message) = fixture.refused("UpdateFunctionConfiguration", large(1_024)).await;
    assert_eq!(code, "InvalidParameterValueException");
    assert!(message.contains("more than this machine can keep free"), "{message}");
    fixture.ok("PutFunctionConcurrency", put(8)).await;
    fixture.ok("UpdateFunctionConfiguration", large(1_024)).await;
    assert_eq!(fixture.refused("PutFunctionConcurrency", put(9)).await.0, "InvalidParameterValueException");
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    fixture.ok("DeleteFunctionConcurrency", json!({"FunctionName": "orders"})).await;
    assert_eq!(fixture.ok("GetFunctionConcurrency", json!({"FunctionName": "orders"})).await, json!({}));
}

#[tokio::test]
async fn the_role_must_be_the_callers_to_pass() {
    let fixture = Fixture::empty().await;
    let statements = json!([{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]);
    let developer = fixture.kit.user("developer", statements).await;
    let refused = fixture.as_who(&developer, "CreateFunction", create_input()).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
    assert!(refused.message.contains("iam:PassRole"), "{}", refused.message);
    let statements = json!([
        {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
         "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}]);
    let deployer = fixture.kit.user("deployer", statements).await;
    fixture.as_who(&deployer, "CreateFunction", create_input()).await.unwrap();
}

#[tokio::test]
async fn an_account_has_no_more_code_than_it_may() {
    use base64::Engine as _;
    let size = |zip: &str| base64::engine::general_purpose::STANDARD.decode(zip).unwrap().len() as u64;
    let (one, two) = (zip_base64("1"), zip_base64("22"));
    let fixture = Fixture::with_code(size(&one) + size(&two)).await;
    fixture.ok("CreateFunction", create_input()).await;
    let named = |name: &str, zip: &str| {
        let mut input = create_input();
        input["FunctionName"] = json!(name);
        input["Code"] = json!({"ZipFile": zip});
        input
    };
    // The same package again is no more code.
    fixture.ok("CreateFunction", named("same", &one)).await;
    fixture.ok("CreateFunction", named("other", &two)).await;
    let three = zip_base64("333");
    let layer = json!({"LayerName": "l", "Content": {"ZipFile": three}});
    for (operation, input) in [
        ("CreateFunction", named("more", &three)),
        ("UpdateFunctionCode", json!({"FunctionName": "same", "ZipFile": three})),
        ("PublishLayerVersion", layer.clone()),
    ] {
        let refused = fixture.refused(operation, input).await;
        let expected = ("CodeStorageExceededException", "Code storage limit exceeded.");
        assert_eq!((refused.0.as_str(), refused.1.as_str()), expected, "{operation}");
    }
    let packages =
        || std::fs::read_dir(fixture.data.path().join("code/123456789012/packages")).unwrap().count();
    assert_eq!(packages(), 2, "what is refused is not kept");
    let settings = fixture.ok("GetAccountSettings", json!({})).await;
    assert_eq!(settings["AccountUsage"]["TotalCodeSize"], settings["AccountLimit"]["TotalCodeSize"]);
    fixture.ok("DeleteFunction", json!({"FunctionName": "other"})).await;
    let small = json!({"LayerName": "l", "Content": {"ZipFile": two}});
    fixture.ok("PublishLayerVersion", small).await;
}

/// What an account has on the disk: packages, and layers that are to lie over each other.
fn kept(fixture: &Fixture) -> usize {
    let names = |folder: &str| {
        let entries = std::fs::read_dir(fixture.data.path().join("code/123456789012").join(folder));
        let names = entries.into_iter().flatten().map(|entry| entry.unwrap().file_name());
        names.filter(|name| !name.to_str().unwrap().contains(".tmp-")).count()
    };
    names("packages") + names("unpacked") + names("laid-sizes")
}

#[tokio::test]
async fn what_a_call_leaves_no_use_for_is_gone_with_its_answer() {
    let fixture = Fixture::start().await;
    let mut layers = Vec::new();
    for content in ["a", "b"] {
        let layer = json!({"LayerName": content, "Content": {"ZipFile": zip_base64(content)}});
        layers.push(fixture.ok("PublishLayerVersion", layer).await["LayerVersionArn"].clone());
    }
    let before = kept(&fixture);
    assert_eq!(before, 6, "three packages");
    for content in ["2", "3"] {
        let code = json!({"FunctionName": "orders", "ZipFile": zip_base64(content), "DryRun": true, "Publish": true});
        fixture.ok("UpdateFunctionCode", code).await;
        assert_eq!(kept(&fixture), before);
    }
    // The function has this one already.
    let same = json!({"FunctionName": "orders", "ZipFile": zip_base64("1"), "DryRun": true});
    fixture.ok("UpdateFunctionCode", same).await;
    assert_eq!(kept(&fixture), before);
    let mut input = create_input();
    input["FunctionName"] = json!("other");
    input["Layers"] = json!(layers);
    input["Code"] = json!({"ZipFile": "bm90IGEgemlw"});
    fixture.refused("CreateFunction", input.clone()).await;
    assert_eq!(kept(&fixture), before);
    input["Code"] = json!({"ZipFile": zip_base64("1")});
    fixture.ok("CreateFunction", input).await;
    assert_eq!(kept(&fixture), before + 1, "its layers over each other");
    let config = json!({"FunctionName": "orders", "Layers": layers, "RevisionId": "another"});
    fixture.refused("UpdateFunctionConfiguration", config).await;
    assert_eq!(kept(&fixture), before + 1, "another one uses them");
    assert_eq!(fixture.invoke(json!({"FunctionName": "other"}), &json!({})).await["Payload"]["layers"], true);
}

#[tokio::test]
async fn what_a_caller_who_went_away_leaves_goes_too() {
    let fixture = Fixture::start().await;
    let before = kept(&fixture);
    let code = json!({"FunctionName": "orders", "ZipFile": zip_base64("2"), "DryRun": true});
    let administrator = fixture.kit.administrator();
    // As soon as it waits for the package: what comes of that comes later.
    for polls in 1..20 {
        let mut call = Box::pin(fixture.as_who(&administrator, "UpdateFunctionCode", code.clone()));
        for _ in 0..polls {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready()));
            if polled.await {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while kept(&fixture) != before {
        assert!(std::time::Instant::now() < deadline, "it stays");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_a_change_is_to_use_stays_though_its_caller_went_away_before_it_was_known() {
    let fixture = Fixture::start().await;
    // A commit that takes as long as this test wants.
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let slow = fixture.kit.pipeline.store().transact(|transaction| {
        transaction.after_commit(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        });
        Ok::<_, store::StoreError>(())
    });
    let slow = async { slow.await.unwrap() };
    let cut = async {
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let mut input = create_input();
        input["FunctionName"] = json!("cut");
        input["Code"] = json!({"ZipFile": zip_base64("2")});
        let administrator = fixture.kit.administrator();
        let mut call = Box::pin(fixture.as_who(&administrator, "CreateFunction", input));
        // As far as it comes: past its package, to the commit, of which it does not learn.
        let before = kept(&fixture);
        let mut left = 50;
        while left > 0 {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready()));
            assert!(!polled.await, "the commit has not ended");
            left -= u32::from(kept(&fixture) == before + 2);
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        drop(call);
        let rehearsal = json!({"FunctionName": "orders", "ZipFile": zip_base64("2"), "DryRun": true});
        // Its own view waits for nothing: it ends, and lets go of the same package.
        fixture.ok("UpdateFunctionCode", rehearsal).await;
        go_on.send(()).unwrap();
    };
    tokio::join!(slow, cut);
    fixture.kit.pipeline.store().flush().await.unwrap();
    let made = fixture.invoke(json!({"FunctionName": "cut"}), &json!({})).await;
    assert_eq!(made["StatusCode"], 200, "{made}");
}

#[tokio::test]
async fn what_is_published_and_tagged_has_another_revision_and_the_same_environments() {
    let fixture = Fixture::start().await;
    let read = || fixture.ok("GetFunctionConfiguration", json!({"FunctionName": "orders"}));
    let before = read().await;
    let launched = || fixture.launcher.launched.load(std::sync::atomic::Ordering::SeqCst);
    fixture.ok("Invoke", json!({"FunctionName": "orders"})).await;
    let permission = json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    let mut seen = vec![before["RevisionId"].clone()];
    for (operation, input) in [
        ("PublishVersion", json!({"FunctionName": "orders"})),
        ("TagResource", json!({"Resource": ARN, "Tags": {"a": "b"}})),
        ("UntagResource", json!({"Resource": ARN, "TagKeys": ["a"]})),
        ("AddPermission", permission),
    ] {
        fixture.ok(operation, input).await;
        let revision = read().await["RevisionId"].clone();
        assert!(!seen.contains(&revision), "{operation}");
        seen.push(revision);
    }
    // Nothing changed that a version has of its own.
    assert_eq!(fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await["Version"], "1");
    assert_eq!(read().await["RevisionId"], seen[4]);
    fixture.ok("Invoke", json!({"FunctionName": "orders"})).await;
    assert_eq!(launched(), 1, "the code and the configuration are the same");
    let late = json!({"FunctionName": "orders", "Description": "x", "RevisionId": seen[0]});
    assert_eq!(fixture.refused("UpdateFunctionConfiguration", late).await.0, "PreconditionFailedException");
    let now = json!({"FunctionName": "orders", "Description": "x", "RevisionId": seen[4]});
    let updated = fixture.ok("UpdateFunctionConfiguration", now).await;
    assert!(!seen.contains(&updated["RevisionId"]));
    assert_eq!(
        fixture.refused("TagResource", json!({"Resource": ARN, "Tags": {}})).await,
        (
            "InvalidParameterValueException".into(),
            "An error occurred and the request cannot be processed.".into()
        )
    );
}

#[tokio::test]
async fn an_alias_with_weights_is_kept_ready_only_as_it_was_before_them() {
    let fixture = Fixture::start().await;
    for description in ["first", "second"] {
        let changed = json!({"FunctionName": "orders", "Description": description});
        fixture.ok("UpdateFunctionConfiguration", changed).await;
        fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    }
    let weights = |weights: Value| json!({"FunctionName": "orders", "Name": "live", "RoutingConfig": {"AdditionalVersionWeights": weights}});
    let keep = |count: u32| json!({"FunctionName": "orders", "Qualifier": "live", "ProvisionedConcurrentExecutions": count});
    let refused = (
        "InvalidParameterValueException".to_owned(),
        "Alias with weights can not be used with Provisioned Concurrency".to_owned(),
    );
    let mut made = weights(json!({"2": 0.0}));
    made["FunctionVersion"] = json!("1");
    fixture.ok("CreateAlias", made).await;
    assert_eq!(fixture.refused("PutProvisionedConcurrencyConfig", keep(1)).await, refused);
    fixture.ok("UpdateAlias", weights(json!({}))).await;
    fixture.ok("PutProvisionedConcurrencyConfig", keep(1)).await;
    // Traffic may be shifted then; what is kept ready stays as it is until that is over.
    fixture.ok("UpdateAlias", weights(json!({"2": 0.5}))).await;
    assert_eq!(fixture.refused("PutProvisionedConcurrencyConfig", keep(2)).await, refused);
    let asked = json!({"FunctionName": "orders", "Qualifier": "live"});
    let kept = fixture.ok("GetProvisionedConcurrencyConfig", asked).await;
    assert_eq!(kept["RequestedProvisionedConcurrentExecutions"], 1);
}

#[tokio::test]
async fn a_reservation_covers_what_is_kept_ready() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    let provisioned = |qualifier: &str| json!({"FunctionName": "orders", "Qualifier": qualifier});
    let mut keep = provisioned("1");
    keep["ProvisionedConcurrentExecutions"] = json!(3);
    fixture.ok("PutProvisionedConcurrencyConfig", keep).await;
    let reserve = |count: u32| json!({"FunctionName": "orders", "ReservedConcurrentExecutions": count});
    for count in [0, 1, 2] {
        let message = format!(
            " ReservedConcurrentExecutions  {count} should not be lower than function's total provisioned concurrency [3]."
        );
        assert_eq!(
            fixture.refused("PutFunctionConcurrency", reserve(count)).await,
            ("InvalidParameterValueException".into(), message)
        );
    }
    fixture.ok("PutFunctionConcurrency", reserve(3)).await;
    for _ in 0..2 {
        fixture.ok("DeleteProvisionedConcurrencyConfig", provisioned("1")).await;
    }
    fixture.ok("PutFunctionConcurrency", reserve(0)).await;
    let cases = [
        ("1", "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config"),
        (
            "$LATEST",
            "InvalidParameterValueException",
            "The function resource provided must be an alias or a published version.",
        ),
        ("9", "ResourceNotFoundException", "Function not found: "),
        ("gone", "ResourceNotFoundException", "Cannot find alias arn: "),
    ];
    for (qualifier, code, message) in cases {
        let (seen, said) = fixture.refused("GetProvisionedConcurrencyConfig", provisioned(qualifier)).await;
        assert!(seen == code && said.starts_with(message), "{qualifier}: {seen} {said}");
        if qualifier != "1" {
            let (seen, said) =
                fixture.refused("DeleteProvisionedConcurrencyConfig", provisioned(qualifier)).await;
            assert!(seen == code && said.starts_with(message), "{qualifier}: {seen} {said}");
        }
    }
    let (_, said) = fixture
        .refused(
            "PutFunctionConcurrency",
            json!({"FunctionName": "orders:1", "ReservedConcurrentExecutions": 1}),
        )
        .await;
    assert!(said.starts_with("This operation is permitted on Lambda functions only. "), "{said}");
    for name in ["orders", "none"] {
        let mut input = json!({"FunctionName": name, "Cors": {}});
        if name == "orders" {
            input["Qualifier"] = json!("gone");
        }
        assert_eq!(
            fixture.refused("UpdateFunctionUrlConfig", input).await,
            ("ResourceNotFoundException".into(), "Function does not exist".into())
        );
    }
}

#[tokio::test]
async fn what_functions_keep_ready_leaves_their_account_its_unreserved_minimum_together() {
    let fixture = Fixture::start().await;
    let mut other = create_input();
    other["FunctionName"] = json!("other");
    fixture.ok("CreateFunction", other).await;
    for name in ["orders", "other"] {
        fixture.ok("PublishVersion", json!({"FunctionName": name})).await;
    }
    let ready = |name: &str, count: u32| json!({"FunctionName": name, "Qualifier": "1", "ProvisionedConcurrentExecutions": count});
    let reserved = |count: u32| json!({"FunctionName": "other", "ReservedConcurrentExecutions": count});
    fixture.ok("PutProvisionedConcurrencyConfig", ready("orders", 40)).await;
    // Of a hundred, fifty are left to functions without either.
    let least = "decreases account's UnreservedConcurrentExecution below its minimum value of [50].";
    for (operation, input) in
        [("PutProvisionedConcurrencyConfig", ready("other", 11)), ("PutFunctionConcurrency", reserved(11))]
    {
        let (code, message) = fixture.refused(operation, input).await;
        assert_eq!(code, "InvalidParameterValueException");
        assert!(message.ends_with(least), "{operation}: {message}");
    }
    let (_, message) = fixture.refused("PutProvisionedConcurrencyConfig", ready("other", 61)).await;
    assert!(message.ends_with("account's unreserved concurrency [60]."), "{message}");
    fixture.ok("PutProvisionedConcurrencyConfig", ready("other", 10)).await;
    // What is its own already does not count twice, whichever of both it is.
    fixture.ok("PutProvisionedConcurrencyConfig", ready("other", 10)).await;
    fixture.ok("PutFunctionConcurrency", reserved(10)).await;
    let (_, message) = fixture.refused("PutProvisionedConcurrencyConfig", ready("orders", 41)).await;
    assert!(message.ends_with(least), "{message}");
}
