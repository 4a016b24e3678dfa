use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};

use super::{Fixture, create, n, s};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";

fn allow(actions: &[&str], condition: &Value) -> Value {
    json!([{"Effect": "Allow", "Action": actions, "Resource": TABLE, "Condition": condition}])
}

async fn may(fixture: &Fixture, who: &Arc<Principal>, operation: &str, input: &Value) -> bool {
    match fixture.kit.json(who, "dynamodb", operation, input).await {
        Ok(_) => true,
        Err(fault) if fault.code.starts_with("AccessDenied") => false,
        Err(fault) => panic!("{operation}: {fault:?}"),
    }
}

#[tokio::test]
async fn a_policy_on_one_table_says_nothing_of_another() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.ok("CreateTable", &create("Other", "p:S")).await;
    let reader = fixture.kit.user("reader", allow(&["dynamodb:GetItem", "dynamodb:Query"], &json!({}))).await;
    let get = |table: &str| json!({"TableName": table, "Key": {"p": s("1")}});
    assert!(may(&fixture, &reader, "GetItem", &get("Tab")).await);
    assert!(may(&fixture, &reader, "GetItem", &get(TABLE)).await);
    assert!(!may(&fixture, &reader, "GetItem", &get("Other")).await);
    assert!(
        !may(&fixture, &reader, "GetItem", &get("Missing")).await,
        "absence is not told to who may not know"
    );
    assert!(!may(&fixture, &reader, "PutItem", &json!({"TableName": "Tab", "Item": {"p": s("1")}})).await);
    assert!(!may(&fixture, &reader, "Scan", &json!({"TableName": "Tab"})).await);
    assert!(!may(&fixture, &reader, "DescribeTable", &json!({"TableName": "Tab"})).await);
    let mixed = json!({"TransactItems": [{"Get": get("Tab")}, {"Get": get("Other")}]});
    assert!(
        !may(&fixture, &reader, "TransactGetItems", &mixed).await,
        "every table of a transaction is asked for"
    );
}

#[tokio::test]
async fn a_bad_key_does_not_tell_a_stranger_that_the_table_exists() {
    let fixture = Fixture::with_table("p:S").await;
    let stranger = fixture.kit.user("stranger", json!([])).await;
    let mut answers = Vec::new();
    for table in ["Tab", "Nil"] {
        let input = json!({"TableName": table, "Key": {"p": {"N": "no number"}}});
        let fault = fixture.kit.json(&stranger, "dynamodb", "GetItem", &input).await.unwrap_err();
        answers.push((fault.code, fault.message.replace(table, "T")));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].0.starts_with("AccessDenied"));
}

#[tokio::test]
async fn leading_keys_limit_to_ones_own_partition() {
    let fixture = Fixture::with_table("p:S s:N").await;
    let actions = [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    ];
    for key in ["dynamodb:LeadingKeys", "dynamodb:FirstPartitionKeyValues"] {
        limits_to_ones_own_partition(&fixture, key, &actions).await;
    }
}

async fn limits_to_ones_own_partition(fixture: &Fixture, key: &str, actions: &[&str]) {
    let condition = json!({"ForAllValues:StringEquals": {key: ["${aws:username}"]}});
    let alice = fixture.kit.user("alice", allow(actions, &condition)).await;
    for (owner, allowed) in [("alice", true), ("bob", false)] {
        let key = json!({"p": s(owner), "s": n(1)});
        let values = json!({":p": s(owner)});
        for (operation, input) in [
            ("PutItem", json!({"TableName": "Tab", "Item": key})),
            ("GetItem", json!({"TableName": "Tab", "Key": key})),
            ("UpdateItem", json!({"TableName": "Tab", "Key": key})),
            (
                "Query",
                json!({"TableName": "Tab", "KeyConditionExpression": "p = :p", "ExpressionAttributeValues": values}),
            ),
            ("DeleteItem", json!({"TableName": "Tab", "Key": key})),
        ] {
            assert_eq!(may(fixture, &alice, operation, &input).await, allowed, "{operation} {owner}");
        }
    }
    let both = json!({"RequestItems": {"Tab": {"Keys": [{"p": s("alice"), "s": n(1)}, {"p": s("bob"), "s": n(1)}]}}});
    assert!(!may(fixture, &alice, "BatchGetItem", &both).await, "one key of another is one too many");
}

#[tokio::test]
async fn attribute_conditions_limit_what_is_read_and_written() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.put(json!({"p": s("1"), "shown": s("x"), "salary": s("y")})).await;
    let condition = json!({
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["p", "shown"]},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES", "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"]},
    });
    let actions = [
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
    ];
    let limited = fixture.kit.user("limited", allow(&actions, &condition)).await;
    let with = |more: Value| {
        let mut input = json!({"TableName": "Tab", "Key": {"p": s("1")}});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let set = |expression: &str, more: Value| {
        let mut input =
            with(json!({"UpdateExpression": expression, "ExpressionAttributeValues": {":v": s("z")}}));
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (operation, input, allowed) in [
        ("GetItem", with(json!({"ProjectionExpression": "p, shown"})), true),
        ("GetItem", with(json!({"ProjectionExpression": "p, salary"})), false),
        (
            "GetItem",
            with(json!({"ProjectionExpression": "#h", "ExpressionAttributeNames": {"#h": "salary"}})),
            false,
        ),
        ("GetItem", with(json!({"AttributesToGet": ["salary"]})), false),
        ("GetItem", with(json!({})), false),
        ("UpdateItem", set("SET shown = :v", json!({})), true),
        ("UpdateItem", set("SET salary = :v", json!({})), false),
        ("UpdateItem", with(json!({"UpdateExpression": "SET shown = salary"})), false),
        ("UpdateItem", set("SET shown = :v", json!({"ReturnValues": "ALL_NEW"})), false),
        (
            "UpdateItem",
            set("SET shown = :v", json!({"ConditionExpression": "attribute_exists(salary)"})),
            false,
        ),
        (
            "UpdateItem",
            set(
                "SET shown = :v",
                json!({"ConditionExpression": "attribute_exists(shown)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
            ),
            false,
        ),
        ("DeleteItem", with(json!({"ReturnValues": "ALL_OLD"})), false),
        ("PutItem", json!({"TableName": "Tab", "Item": {"p": s("2"), "salary": s("z")}}), false),
        ("PutItem", json!({"TableName": "Tab", "Item": {"p": s("2"), "shown": s("z")}}), true),
        (
            "Query",
            json!({"TableName": "Tab", "KeyConditionExpression": "p = :v", "ExpressionAttributeValues": {":v": s("1")}}),
            false,
        ),
        (
            "Query",
            json!({"TableName": "Tab", "KeyConditionExpression": "p = :v", "ProjectionExpression": "shown", "FilterExpression": "attribute_exists(salary)", "ExpressionAttributeValues": {":v": s("1")}}),
            false,
        ),
        (
            "Query",
            json!({"TableName": "Tab", "KeyConditionExpression": "p = :v", "ProjectionExpression": "shown", "Select": "SPECIFIC_ATTRIBUTES", "ExpressionAttributeValues": {":v": s("1")}}),
            true,
        ),
    ] {
        assert_eq!(may(&fixture, &limited, operation, &input).await, allowed, "{operation} {input}");
    }
}

#[tokio::test]
async fn a_tables_own_policy_lets_in_and_keeps_out() {
    let fixture = Fixture::with_table("p:S").await;
    let get = json!({"TableName": "Tab", "Key": {"p": s("1")}});
    let guest = fixture.kit.user("guest", json!([])).await;
    assert!(!may(&fixture, &guest, "GetItem", &get).await);
    let policy = |effect: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Principal": {"AWS": "arn:aws:iam::123456789012:user/guest"},
            "Action": "dynamodb:GetItem", "Resource": TABLE}})
    };
    let put = |effect: &str| json!({"ResourceArn": TABLE, "Policy": policy(effect).to_string()});
    let revision = fixture.ok("PutResourcePolicy", &put("Allow")).await["RevisionId"].clone();
    assert!(may(&fixture, &guest, "GetItem", &get).await);
    let shown = fixture.ok("GetResourcePolicy", &json!({"ResourceArn": TABLE})).await;
    assert_eq!(
        (&shown["RevisionId"], shown["Policy"].as_str()),
        (&revision, Some(policy("Allow").to_string().as_str()))
    );
    let mut stale = put("Deny");
    stale["ExpectedRevisionId"] = json!("other");
    assert_eq!(fixture.refused("PutResourcePolicy", &stale).await.0, "PolicyNotFoundException");
    fixture.ok("PutResourcePolicy", &put("Deny")).await;
    assert!(!may(&fixture, &guest, "GetItem", &get).await);
    fixture.ok("DeleteResourcePolicy", &json!({"ResourceArn": TABLE})).await;
    assert_eq!(
        fixture.refused("GetResourcePolicy", &json!({"ResourceArn": TABLE})).await.0,
        "PolicyNotFoundException"
    );
    fixture.invalid("PutResourcePolicy", &json!({"ResourceArn": TABLE, "Policy": "{"})).await;
}

#[tokio::test]
async fn policies_name_what_is_theirs_and_leave_a_way_back() {
    let fixture = Fixture::with_table("p:S").await;
    let put = |statement: &Value| {
        let document = json!({"Version": "2012-10-17", "Statement": statement});
        json!({"ResourceArn": TABLE, "Policy": document.to_string()})
    };
    let statement = |effect: &str, action: &str, resource: &str| json!({"Effect": effect, "Principal": "*", "Action": action, "Resource": resource});
    for (action, resource) in
        [("s3:GetObject", TABLE), ("dynamodb:CreateTable", TABLE), ("dynamodb:GetItem", &format!("{TABLE}2"))]
    {
        let refused = fixture.invalid("PutResourcePolicy", &put(&statement("Allow", action, resource))).await;
        assert!(
            refused.starts_with(
                "One or more parameter values were invalid: Invalid policy document: The following"
            ),
            "{refused}"
        );
    }
    let shut = put(&statement("Deny", "dynamodb:PutResourcePolicy", TABLE));
    let refused = fixture.invalid("PutResourcePolicy", &shut).await;
    assert!(refused.contains("ConfirmRemoveSelfResourceAccess"), "{refused}");
    let harmless = put(&statement("Deny", "dynamodb:DeleteTable", TABLE));
    let first = fixture.ok("PutResourcePolicy", &harmless).await["RevisionId"].clone();
    assert_eq!(fixture.ok("PutResourcePolicy", &harmless).await["RevisionId"], first, "nothing has changed");
    let mut none = harmless.clone();
    none["ExpectedRevisionId"] = json!("NO_POLICY");
    let (code, message) = fixture.refused("PutResourcePolicy", &none).await;
    assert_eq!(code, "PolicyNotFoundException");
    assert!(
        message.ends_with(&format!("but a policy exists with revision id {}.", first.as_str().unwrap())),
        "{message}"
    );
    let mut confirmed = shut;
    confirmed["ConfirmRemoveSelfResourceAccess"] = json!(true);
    fixture.ok("PutResourcePolicy", &confirmed).await;
    assert_eq!(fixture.refused("PutResourcePolicy", &harmless).await.0, "AccessDeniedException");
    fixture.ok("DeleteResourcePolicy", &json!({"ResourceArn": TABLE})).await;
}

#[tokio::test]
async fn tags_given_at_creation_need_leave_of_their_own() {
    let fixture = Fixture::new().await;
    let maker = fixture.kit.user("maker", allow(&["dynamodb:CreateTable"], &json!({}))).await;
    let mut tagged = create("Tab", "p:S");
    tagged["Tags"] = json!([{"Key": "k", "Value": "v"}]);
    assert!(!may(&fixture, &maker, "CreateTable", &tagged).await);
    assert!(may(&fixture, &maker, "CreateTable", &create("Tab", "p:S")).await);
}

#[tokio::test]
async fn a_streams_own_policy_lets_in_and_keeps_out() {
    let fixture = Fixture::with_table("p:S").await;
    let enable = json!({"TableName": "Tab", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}});
    let table = fixture.ok("UpdateTable", &enable).await["TableDescription"].clone();
    let arn = table["LatestStreamArn"].as_str().unwrap().to_owned();
    let user = fixture.kit.user("reader", json!([])).await;
    let describe = json!({"StreamArn": arn});
    let read = || fixture.kit.json(&user, "dynamodbstreams", "DescribeStream", &describe);
    assert!(read().await.unwrap_err().code.starts_with("AccessDenied"));
    let statement = |effect: &str| {
        let document = json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": "dynamodb:DescribeStream", "Resource": arn,
            "Principal": {"AWS": "arn:aws:iam::123456789012:user/reader"}}});
        json!({"ResourceArn": arn, "Policy": document.to_string()})
    };
    fixture.ok("PutResourcePolicy", &statement("Allow")).await;
    read().await.unwrap();
    let shown = fixture.ok("GetResourcePolicy", &json!({"ResourceArn": arn})).await["Policy"].clone();
    let document = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    assert_eq!(document(&shown), document(&statement("Allow")["Policy"]));
    // The table has none of it.
    let table = json!({"ResourceArn": TABLE});
    assert_eq!(fixture.refused("GetResourcePolicy", &table).await.0, "PolicyNotFoundException");
    let full = json!([{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]);
    let writer = fixture.kit.user("writer", full).await;
    fixture.kit.json(&writer, "dynamodb", "PutResourcePolicy", &statement("Deny")).await.unwrap();
    assert!(read().await.is_err());
    fixture.ok("DeleteResourcePolicy", &json!({"ResourceArn": arn})).await;
    assert_eq!(
        fixture.refused("GetResourcePolicy", &json!({"ResourceArn": arn})).await.0,
        "PolicyNotFoundException"
    );
}

#[tokio::test]
async fn what_is_under_the_managed_key_stays_in_its_account() {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    let document = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "222222222222"},
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DescribeTable"], "Resource": TABLE}});
    input["ResourcePolicy"] = json!(document.to_string());
    input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let stream = fixture.ok("CreateTable", &input).await["TableDescription"]["LatestStreamArn"].clone();
    let mut document = document;
    document["Statement"]["Resource"] = stream.clone();
    document["Statement"]["Action"] = json!("dynamodb:*");
    fixture.ok("PutResourcePolicy", &json!({"ResourceArn": stream, "Policy": document.to_string()})).await;
    fixture.put(json!({"p": s("1")})).await;
    let other = Arc::new(Principal::Root(identity::Root::new(
        "222222222222".parse().unwrap(),
        "AKIAOTHER".to_owned(),
    )));
    let get = json!({"TableName": TABLE, "Key": {"p": s("1")}});
    let put = json!({"TableName": TABLE, "Item": {"p": s("2")}});
    let shard = fixture.streams("DescribeStream", &json!({"StreamArn": stream})).await.unwrap();
    let first = json!({"StreamArn": stream, "ShardId": shard["StreamDescription"]["Shards"][0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let records = async || {
        let iterator = fixture.kit.json(&other, "dynamodbstreams", "GetShardIterator", &first).await.unwrap();
        let read = json!({"ShardIterator": iterator["ShardIterator"]});
        fixture.kit.json(&other, "dynamodbstreams", "GetRecords", &read).await
    };
    assert!(may(&fixture, &other, "GetItem", &get).await);
    assert!(may(&fixture, &other, "PutItem", &put).await);
    assert_eq!(records().await.unwrap()["Records"].as_array().unwrap().len(), 2);
    fixture.ok("UpdateTable", &json!({"TableName": "Tab", "SSESpecification": {"Enabled": true}})).await;
    for (operation, input) in [("GetItem", &get), ("PutItem", &put)] {
        let fault = fixture.kit.json(&other, "dynamodb", operation, input).await.unwrap_err();
        assert_eq!(fault.code, "AccessDeniedException", "{operation}");
        assert!(
            fault.message.starts_with("KMS key access denied error: arn:aws:kms:us-east-1:123456789012:key/")
        );
    }
    assert_eq!(records().await.unwrap_err().code, "AccessDeniedException");
    // What the table is called and made of is not under the key.
    assert!(may(&fixture, &other, "DescribeTable", &json!({"TableName": TABLE})).await);
    assert!(!fixture.get(json!({"p": s("1")})).await.is_null());
}

#[tokio::test]
async fn every_attribute_of_a_partition_key_has_a_condition_key_of_its_own() {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    let names = ["p", "h", "g"].map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    input["AttributeDefinitions"] = json!(names);
    input["GlobalSecondaryIndexes"] = json!([{"IndexName": "idx", "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "g", "KeyType": "HASH"}]}]);
    fixture.ok("CreateTable", &input).await;
    let query = |h: &str, g: &str| {
        json!({"TableName": "Tab", "IndexName": "idx", "KeyConditionExpression": "h = :h AND g = :g",
        "ExpressionAttributeValues": {":h": s(h), ":g": s(g)}})
    };
    let (first, second) = ("dynamodb:FirstPartitionKeyValues", "dynamodb:SecondPartitionKeyValues");
    for (number, (conditions, own)) in [
        (vec![(first, "a")], [true, true, false]),
        (vec![("dynamodb:LeadingKeys", "a")], [true, true, false]),
        (vec![(second, "a")], [true, false, true]),
        (vec![(first, "a"), (second, "b")], [false, true, false]),
        (vec![("dynamodb:ThirdPartitionKeyValues", "a")], [false, false, false]),
    ]
    .into_iter()
    .enumerate()
    {
        let of = |(key, value): &(&str, &str)| ((*key).to_owned(), json!(value));
        let values: serde_json::Map<_, _> = conditions.iter().map(of).collect();
        for operator in ["ForAnyValue:StringEquals", "ForAllValues:StringEquals"] {
            let present: serde_json::Map<_, _> =
                values.keys().map(|key| (key.clone(), json!("false"))).collect();
            let condition = json!({operator: values, "Null": present});
            let statements = json!([{"Effect": "Allow", "Action": "dynamodb:Query",
                "Resource": format!("{TABLE}/index/idx"), "Condition": condition}]);
            let reader = fixture.kit.user(&format!("reader{number}{}", operator.len()), statements).await;
            for ((h, g), allowed) in std::iter::zip([("a", "a"), ("a", "b"), ("b", "a")], own) {
                assert_eq!(
                    may(&fixture, &reader, "Query", &query(h, g)).await,
                    allowed,
                    "{h} {g} {conditions:?} {operator}"
                );
            }
        }
    }
}

/// A call's input about the table of this ARN.
type Input<'a> = Box<dyn Fn(&str) -> Value + 'a>;

/// What another account has is not looked at before the caller's own side was taken alone; and what the caller is told of a
/// refusal there is the same whether there is a table or not, whatever his own policies make of its keys.
#[tokio::test]
async fn tables_of_other_accounts_are_looked_at_last_and_not_told() {
    let fixture = Fixture::new().await;
    let other = Arc::new(Principal::root("222222222222".parse().unwrap()));
    let mut input = create("Tab", "p:S");
    input["Tags"] = json!([{"Key": "k", "Value": "v"}]);
    input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let made = fixture.kit.json(&other, "dynamodb", "CreateTable", &input).await.unwrap();
    let stream = made["TableDescription"]["LatestStreamArn"].as_str().unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "999999999999"},
        "Resource": stream, "Action": "dynamodb:DescribeStream"}});
    let with_policy = json!({"ResourceArn": stream, "Policy": policy.to_string()});
    fixture.kit.json(&other, "dynamodb", "PutResourcePolicy", &with_policy).await.unwrap();
    let table = "arn:aws:dynamodb:us-east-1:222222222222:table/Tab";
    let statement = |table: &str| json!({"Statement": format!("SELECT * FROM \"{table}\" WHERE p = 'a'")});
    let batch = |table: &str| json!({"RequestItems": {table: {"Keys": [{"p": s("a")}]}}});
    let calls: [(&str, &str, Input<'_>); 6] = [
        ("dynamodb", "GetItem", Box::new(|table| json!({"TableName": table, "Key": {"p": s("a")}}))),
        ("dynamodb", "DescribeTable", Box::new(|table| json!({"TableName": table}))),
        (
            "dynamodb",
            "Query",
            Box::new(
                |table| json!({"TableName": table, "KeyConditionExpression": "p = :p", "ExpressionAttributeValues": {":p": s("a")}}),
            ),
        ),
        ("dynamodb", "ExecuteStatement", Box::new(statement)),
        ("dynamodb", "BatchGetItem", Box::new(batch)),
        (
            "dynamodbstreams",
            "DescribeStream",
            Box::new(
                |table| json!({"StreamArn": stream.replace("table/Tab", table.rsplit_once(':').unwrap().1)}),
            ),
        ),
    ];
    let deny = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": "a"}}}]);
    let caller = fixture.kit.user("caller", deny).await;
    let absent = table.replace("table/Tab", "table/Abs");
    for (service, operation, input) in calls {
        let both = (&input(table), &input(&absent));
        let names = ("table/Tab", "table/Abs");
        fixture.kit.looks_alone_first(&caller, (service, operation), both, names);
        let there = fixture.kit.json(&caller, service, operation, both.0).await.unwrap_err();
        let absent = fixture.kit.json(&caller, service, operation, both.1).await.unwrap_err();
        assert_eq!(there.message.replace(names.0, names.1), absent.message, "{operation}");
        assert_eq!(there.code, absent.code, "{operation}");
    }
    // Each statement of a batch is asked about by itself.
    let each = |table: &str| json!({"Statements": [statement(table), statement(table)]});
    let there =
        fixture.kit.json(&caller, "dynamodb", "BatchExecuteStatement", &each(table)).await.unwrap_err();
    let absent =
        fixture.kit.json(&caller, "dynamodb", "BatchExecuteStatement", &each(&absent)).await.unwrap_err();
    assert_eq!(there.message.replace("table/Tab", "table/Abs"), absent.message);
}

/// Whom the owner's policy lets in is told of its explicit deny, whatever keys both name; whom it does not let in is told the
/// same as where there is no table.
#[tokio::test]
async fn an_explicit_deny_abroad_is_told_to_those_whom_the_owner_lets_in() {
    let fixture = Fixture::new().await;
    let other = Arc::new(Principal::root("222222222222".parse().unwrap()));
    fixture.kit.json(&other, "dynamodb", "CreateTable", &create("Tab", "p:S")).await.unwrap();
    let all = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    let caller = fixture.kit.user("caller", all).await;
    let stranger =
        fixture.kit.user("stranger", json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])).await;
    let table = "arn:aws:dynamodb:us-east-1:222222222222:table/Tab";
    let statement = |effect: &str, principal: &str, condition: Value| {
        json!({"Effect": effect, "Principal": {"AWS": principal}, "Resource": table,
        "Action": "dynamodb:GetItem", "Condition": condition})
    };
    let leads = |values: &[&str]| json!({"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": values}});
    let named = |values: &[&str]| json!({"ForAnyValue:StringEquals": {"dynamodb:Attributes": values}});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        statement("Allow", caller.arn(), leads(&["open", "shut", "own"])),
        statement("Deny", "*", leads(&["shut", "beyond"])),
        statement("Deny", "*", named(&["secret"])),
    ]});
    let with_policy = json!({"ResourceArn": table, "Policy": policy.to_string()});
    fixture.kit.json(&other, "dynamodb", "PutResourcePolicy", &with_policy).await.unwrap();
    let get = |key: &str, names: &str| {
        json!({"TableName": table, "Key": {"p": s(key)},
        "ProjectionExpression": names, "ExpressionAttributeNames": {"#n": "n"}})
    };
    let (kit, explicit, implicit) = (
        &fixture.kit,
        "with an explicit deny in a resource-based policy",
        "because no resource-based policy allows the dynamodb:GetItem action",
    );
    kit.json(&caller, "dynamodb", "GetItem", &get("open", "#n")).await.unwrap();
    for (who, key, names, expected) in [
        (&caller, "shut", "#n", explicit),
        (&caller, "open", "#n, secret", explicit),
        (&caller, "elsewhere", "#n", implicit),
        // What is denied there is allowed to nobody: as if nothing were there.
        (&caller, "beyond", "#n", implicit),
        (&stranger, "shut", "#n", implicit),
        (&stranger, "open", "#n", implicit),
    ] {
        let refused = kit.json(who, "dynamodb", "GetItem", &get(key, names)).await.unwrap_err();
        assert!(refused.message.ends_with(expected), "{key}, {names}: {}", refused.message);
    }
    // The caller's own deny by the same keys is told neither, for it would tell which key the table has.
    let own = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": leads(&["shut"])}]);
    let fenced = kit.user("fenced", own).await;
    let refused = kit.json(&fenced, "dynamodb", "GetItem", &get("shut", "#n")).await.unwrap_err();
    assert!(refused.message.ends_with(implicit), "{}", refused.message);
}
