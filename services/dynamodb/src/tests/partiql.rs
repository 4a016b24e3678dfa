//! PartiQL through the whole pipeline.

use serde_json::{Value, json};

use super::{Fixture, n, s};

async fn run(fixture: &Fixture, statement: &str) -> Value {
    fixture.ok("ExecuteStatement", &json!({"Statement": statement})).await
}

async fn items(fixture: &Fixture, statement: &str) -> Vec<Value> {
    run(fixture, statement).await["Items"].as_array().unwrap().clone()
}

async fn filled() -> Fixture {
    let fixture = Fixture::with_table("p:S s:N").await;
    for partition in ["a", "b"] {
        for number in 0..5 {
            run(&fixture, &format!("INSERT INTO Tab VALUE {{'p': '{partition}', 's': {number}, 'v': {{'w': [{number}, 'x']}}}}")).await;
        }
    }
    fixture
}

#[tokio::test]
async fn items_are_selected_by_keys_and_by_values() {
    let fixture = filled().await;
    for (statement, expected) in [
        ("SELECT * FROM Tab", 10),
        ("SELECT * FROM Tab WHERE p = 'a'", 5),
        ("SELECT * FROM Tab WHERE p = 'a' AND s BETWEEN 1 AND 3", 3),
        ("SELECT * FROM Tab WHERE p IN ['a', 'b', 'c'] AND s >= 4", 2),
        ("SELECT * FROM Tab WHERE p = 'a' AND v.w[0] > 2", 2),
        ("SELECT * FROM Tab WHERE v.w[0] = 2", 2),
        ("SELECT * FROM Tab WHERE p = 'a' AND v IS MISSING", 0),
        ("SELECT * FROM Tab WHERE p = 'a' AND contains(v.w, 'x') AND NOT s IN [0, 1]", 3),
    ] {
        assert_eq!(items(&fixture, statement).await.len(), expected, "{statement}");
    }
    let found = items(&fixture, "SELECT s, v.w[1] FROM Tab WHERE p = 'a' AND s < 2 ORDER BY s DESC").await;
    assert_eq!(
        found,
        vec![
            json!({"s": n(1), "v": {"M": {"w": {"L": [s("x")]}}}}),
            json!({"s": n(0), "v": {"M": {"w": {"L": [s("x")]}}}})
        ]
    );
}

#[tokio::test]
async fn pages_go_on_over_partitions_and_only_with_their_statement() {
    let fixture = filled().await;
    let statement = "SELECT * FROM Tab WHERE p IN ['a', 'b'] ORDER BY p, s DESC";
    let mut input = json!({"Statement": statement, "Limit": 3});
    let mut found = Vec::new();
    loop {
        let page = fixture.ok("ExecuteStatement", &input).await;
        found.extend(
            page["Items"].as_array().unwrap().iter().map(|item| {
                format!("{}{}", item["p"]["S"].as_str().unwrap(), item["s"]["N"].as_str().unwrap())
            }),
        );
        if page["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = page["NextToken"].clone();
        let other = json!({"Statement": "SELECT * FROM Tab", "NextToken": page["NextToken"]});
        assert_eq!(fixture.invalid("ExecuteStatement", &other).await, "Invalid NextToken");
    }
    assert_eq!(found, ["a4", "a3", "a2", "a1", "a0", "b4", "b3", "b2", "b1", "b0"]);
}

#[tokio::test]
async fn items_follow_each_other_as_both_keys_are_ordered() {
    let fixture = filled().await;
    let found = async |rest: &str| {
        let mut input = json!({"Statement": format!("SELECT * FROM Tab WHERE {rest}"), "Limit": 2});
        let mut found = Vec::new();
        loop {
            let page = fixture.ok("ExecuteStatement", &input).await;
            for item in page["Items"].as_array().unwrap() {
                let (p, s) = (item["p"]["S"].as_str().unwrap(), item["s"]["N"].as_str().unwrap());
                found.push(format!("{p}{s}"));
            }
            if page["NextToken"].is_null() {
                return found.join(" ");
            }
            input["NextToken"] = page["NextToken"].clone();
        }
    };
    for (rest, expected) in [
        ("p IN ['a', 'b'] AND s < 2 ORDER BY p DESC, s", "b0 b1 a0 a1"),
        ("p IN ['b', 'a'] AND s < 2 ORDER BY p DESC, s DESC", "b1 b0 a1 a0"),
        ("p IN ['b', 'a'] AND s < 2 ORDER BY p, s ASC", "a0 a1 b0 b1"),
        ("p IN ['b', 'a'] AND s < 2 ORDER BY s, p ASC", "a0 a1 b0 b1"),
        ("(p = 'b' OR p = 'a') AND s IN [3, 1, 2] ORDER BY p DESC, s", "b1 b2 b3 a1 a2 a3"),
        ("p = 'a' AND s IN [1, 3, 2] ORDER BY s DESC", "a3 a2 a1"),
        ("p = 'a' AND s IN [3, 1] ORDER BY s", "a1 a3"),
        ("p = 'a' AND s IN [3, 1]", "a3 a1"),
        // Of a sort key that is not named, the largest comes first.
        ("p IN ['b', 'a'] AND s < 2 ORDER BY p", "a1 a0 b1 b0"),
        ("p = 'a' AND s < 2 ORDER BY p DESC", "a1 a0"),
        ("p = 'a' AND s < 2", "a0 a1"),
    ] {
        assert_eq!(found(rest).await, expected, "{rest}");
    }
    for (rest, expected) in [
        ("ORDER BY p", "Must have WHERE clause in the statement when using ORDER BY clause."),
        (
            "WHERE s = 1 ORDER BY s",
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        ("WHERE p = 'a' ORDER BY v", "Attribute v in ORDER BY clause must be part of the primary key"),
        (
            "WHERE p IN ['a', 'b'] ORDER BY s DESC",
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ),
    ] {
        let statement = json!({"Statement": format!("SELECT * FROM Tab {rest}")});
        assert_eq!(fixture.invalid("ExecuteStatement", &statement).await, expected);
    }
}

#[tokio::test]
async fn items_are_inserted_changed_and_deleted_once() {
    let fixture = filled().await;
    let (code, message) = fixture
        .refused("ExecuteStatement", &json!({"Statement": "INSERT INTO Tab VALUE {'p': 'a', 's': 1}"}))
        .await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("DuplicateItemException", "Duplicate primary key exists in table")
    );
    let changed = items(&fixture, "UPDATE Tab SET x = 1 SET v.w = list_append(v.w, ['y']) REMOVE gone WHERE p = 'a' AND s = 1 RETURNING ALL NEW *").await;
    assert_eq!(changed[0]["v"]["M"]["w"]["L"], json!([n(1), s("x"), s("y")]));
    let changed = items(
        &fixture,
        "UPDATE Tab SET x = x + 1 WHERE p = 'a' AND s = 1 AND x = 1 RETURNING MODIFIED NEW *",
    )
    .await;
    assert_eq!(changed, vec![json!({"x": n(2)})]);
    for statement in [
        "UPDATE Tab SET x = 1 WHERE p = 'none' AND s = 1",
        "UPDATE Tab SET x = 1 WHERE p = 'a' AND s = 1 AND x = 1",
        "DELETE FROM Tab WHERE p = 'a' AND s = 1 AND x = 1",
    ] {
        assert_eq!(
            fixture.refused("ExecuteStatement", &json!({"Statement": statement})).await.0,
            "ConditionalCheckFailedException"
        );
    }
    assert_eq!(
        items(&fixture, "DELETE FROM Tab WHERE p = 'a' AND s = 1 RETURNING ALL OLD *").await[0]["x"],
        n(2)
    );
    assert!(items(&fixture, "DELETE FROM Tab WHERE p = 'a' AND s = 1").await.is_empty());
    let parameters =
        json!({"Statement": "SELECT * FROM Tab WHERE p = ? AND s = ?", "Parameters": [s("a"), n(2)]});
    assert_eq!(fixture.ok("ExecuteStatement", &parameters).await["Items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn batches_answer_each_statement_and_transactions_all_or_nothing() {
    let fixture = filled().await;
    let batch = |statements: &[&str]| json!({"Statements": statements.iter().map(|text| json!({"Statement": text})).collect::<Vec<_>>()});
    let answer = fixture
        .ok(
            "BatchExecuteStatement",
            &batch(&[
                "SELECT * FROM Tab WHERE p = 'a' AND s = 1",
                "SELECT * FROM Tab WHERE p = 'a'",
                "SELECT * FROM None WHERE p = 'a'",
                "SLECT",
            ]),
        )
        .await;
    assert_eq!(answer["Responses"][0]["Item"]["s"], n(1));
    assert_eq!(answer["Responses"][1]["Error"]["Code"], "ValidationError");
    assert_eq!(answer["Responses"][2]["Error"]["Code"], "ResourceNotFound");
    assert_eq!(answer["Responses"][3]["Error"]["Code"], "ValidationError", "it alone is refused");
    assert!(fixture.invalid("BatchExecuteStatement", &batch(&["SLECT"])).await.contains("well formed"));
    let answer = fixture
        .ok(
            "BatchExecuteStatement",
            &batch(&[
                "INSERT INTO Tab VALUE {'p': 'a', 's': 1}",
                "INSERT INTO Tab VALUE {'p': 'n', 's': 1}",
                "UPDATE Tab SET x = 1 WHERE p = 'z' AND s = 1",
            ]),
        )
        .await;
    let codes: Vec<_> = (0..3)
        .map(|at| answer["Responses"][at]["Error"]["Code"].as_str().unwrap_or("none").to_owned())
        .collect();
    assert_eq!(codes, ["DuplicateItem", "none", "ConditionalCheckFailed"]);
    let transaction = |statements: &[&str]| json!({"TransactStatements": statements.iter().map(|text| json!({"Statement": text})).collect::<Vec<_>>()});
    let fault = fixture
        .call(
            "ExecuteTransaction",
            &transaction(&[
                "EXISTS(SELECT * FROM Tab WHERE p = 'n' AND s = 1 AND attribute_not_exists(x))",
                "INSERT INTO Tab VALUE {'p': 'a', 's': 1}",
                "DELETE FROM Tab WHERE p = 'a' AND s = 2",
            ]),
        )
        .await
        .unwrap_err();
    assert_eq!(fault.code, "TransactionCanceledException");
    assert!(fault.message.ends_with("[None, DuplicateItem, None]"), "{}", fault.message);
    assert_eq!(items(&fixture, "SELECT * FROM Tab WHERE p = 'a' AND s = 2").await.len(), 1);
    fixture
        .ok(
            "ExecuteTransaction",
            &transaction(&[
                "EXISTS(SELECT * FROM Tab WHERE p = 'n' AND s = 1 AND attribute_not_exists(x))",
                "DELETE FROM Tab WHERE p = 'a' AND s = 2",
            ]),
        )
        .await;
    let read = fixture
        .ok(
            "ExecuteTransaction",
            &transaction(&[
                "SELECT * FROM Tab WHERE p = 'a' AND s = 2",
                "SELECT * FROM Tab WHERE p = 'a' AND s = 3",
            ]),
        )
        .await;
    assert!(read["Responses"][0]["Item"].is_null() && read["Responses"][1]["Item"]["s"] == n(3));
    assert!(
        fixture
            .invalid(
                "ExecuteTransaction",
                &transaction(&[
                    "SELECT * FROM Tab WHERE p = 'a' AND s = 2",
                    "DELETE FROM Tab WHERE p = 'a' AND s = 3"
                ])
            )
            .await
            .contains("both read and write")
    );
}

#[tokio::test]
async fn transactions_say_what_they_do_not_take() {
    let fixture = filled().await;
    let write = "INSERT INTO Tab VALUE {'p': 'never', 's': 1}";
    for (statement, message) in [
        (
            "UPDATE Tab SET x = 1 WHERE p = 'a' AND s = 1 RETURNING ALL NEW *",
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            "EXISTS(SELECT * FROM Tab WHERE p = 'a' AND s = 1)",
            "EXISTS() must contain a single item read with additional condition",
        ),
        (
            "EXISTS(SELECT * FROM Tab WHERE p = 'a' AND v = 1)",
            "EXISTS() must contain a single item read with additional condition",
        ),
    ] {
        let statements = json!({"TransactStatements": [{"Statement": statement}, {"Statement": write}]});
        let expected = format!("Validation failed in TransactStatements[0]: {message}");
        assert_eq!(fixture.invalid("ExecuteTransaction", &statements).await, expected);
    }
    for statement in [
        "SELECT * FROM Tab WHERE p = 'a'",
        "SELECT * FROM Tab WHERE p = 'a' AND s = 1 AND attribute_exists(v)",
    ] {
        let refused = fixture
            .invalid("ExecuteTransaction", &json!({"TransactStatements": [{"Statement": statement}]}))
            .await;
        assert!(refused.ends_with("must specify the primary key in the where clause."), "{refused}");
    }
    assert!(items(&fixture, "SELECT * FROM Tab WHERE p = 'never' AND s = 1").await.is_empty());
    let written = json!({"TransactStatements": [{"Statement": write}], "ReturnConsumedCapacity": "TOTAL"});
    let written = fixture.ok("ExecuteTransaction", &written).await;
    assert_eq!(written["Responses"], json!([]), "writes answer nothing");
    assert_eq!(written["ConsumedCapacity"][0]["WriteCapacityUnits"], 2.0);
}

#[tokio::test]
async fn conditions_functions_and_comments_are_understood() {
    let fixture = filled().await;
    items(&fixture, "INSERT INTO Tab VALUE {'p': 'w', 's': 1, 'm': {'deep': {'er': 'x'}}, 't': 'text', 'f': true, 'l': [1]}").await;
    for (condition, found) in [
        ("attribute_exists(t)", 1),
        ("ATTRIBUTE_EXISTS(m.deep)", 1),
        ("attribute_exists(none)", 0),
        ("attribute_not_exists(none)", 1),
        ("NOT attribute_exists(t)", 0),
        ("(attribute_exists(none) OR attribute_exists(t) = true)", 1),
        ("attribute_exists(t) = false", 0),
        ("t IS STRING", 1),
        ("t IS NOT STRING", 0),
        ("t IS BOOL", 0),
        ("f IS BOOLEAN", 1),
        ("m IS STRUCT", 1),
        ("l IS LIST", 1),
        ("t = 'text' -- a note", 1),
        ("/* a note */ t = 'text' /* another */", 1),
        ("s = .1e1", 1),
    ] {
        let statement = format!("-- first\nSELECT * FROM Tab WHERE p = 'w' AND {condition}");
        assert_eq!(items(&fixture, &statement).await.len(), found, "{condition}");
    }
    assert_eq!(
        items(&fixture, "SELECT m.deep.er, t FROM Tab WHERE p = 'w'").await,
        [json!({"er": s("x"), "t": s("text")})]
    );
    items(&fixture, "FROM Tab WHERE p = 'w' AND s = 1 AND attribute_exists(t) SET x = 7 REMOVE f").await;
    assert_eq!(items(&fixture, "SELECT x, f FROM Tab WHERE p = 'w'").await, [json!({"x": n(7)})]);
    for (statement, message) in [
        ("SELECT * FROM Tab t WHERE p = 'w'", "Aliasing is not supported"),
        ("DELETE FROM Tab AS t WHERE p = 'w'", "Aliasing is not supported"),
        ("SELECT * FROM Tab.i.j WHERE p = 'w'", "A path may contain at most 2 components in the FROM clause"),
        ("SELECT * FROM \"\" WHERE p = 'w'", "Path component cannot be an empty string"),
        ("SELECT * FROM Tab.none WHERE p = 'w'", "The table does not have the specified index"),
        ("SELECT a.x, b.x FROM Tab", "Duplicate identifiers in select clause: x"),
        (
            "SELECT * FROM None WHERE v < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "SELECT * FROM Tab WHERE p = 'w' foo",
            "Statement wasn't well formed, can't be processed: Unexpected token after expression",
        ),
        (
            "DELETE FROM Tab WHERE p = 'w' AND s = 1 RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
    ] {
        assert_eq!(
            fixture.invalid("ExecuteStatement", &json!({"Statement": statement})).await,
            message,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn statements_need_leave_of_their_own_and_scans_can_be_denied() {
    let fixture = filled().await;
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";
    let reader = json!([
        {"Effect": "Allow", "Action": "dynamodb:PartiQLSelect", "Resource": table},
        {"Effect": "Deny", "Action": "dynamodb:PartiQLSelect", "Resource": table, "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}}}]);
    let narrow = json!([{"Effect": "Allow", "Action": "dynamodb:PartiQL*", "Resource": table,
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}, "Null": {"dynamodb:LeadingKeys": "false"}}}]);
    let plain = json!([{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DeleteItem"], "Resource": table}]);
    let reader = fixture.kit.user("reader", reader).await;
    let narrow = fixture.kit.user("narrow", narrow).await;
    let plain = fixture.kit.user("plain", plain).await;
    for (who, statement, expected) in [
        (&reader, "SELECT * FROM Tab WHERE p = 'a'", true),
        (&reader, "SELECT * FROM Tab WHERE v = 1", false),
        (&reader, "SELECT * FROM Tab WHERE p = 'a' OR p > 'b'", false),
        (&reader, "DELETE FROM Tab WHERE p = 'a' AND s = 1", false),
        (&narrow, "SELECT * FROM Tab WHERE p IN ['a']", true),
        (&narrow, "SELECT * FROM Tab WHERE p IN ['a', 'b']", false),
        (&narrow, "SELECT * FROM Tab", false),
        (&narrow, "INSERT INTO Tab VALUE {'p': 'a', 's': 77}", true),
        (&narrow, "INSERT INTO Tab VALUE {'p': 'b', 's': 77}", false),
        (&narrow, "UPDATE Tab SET x = 1 WHERE p = 'b' AND s = 1", false),
        (&plain, "SELECT * FROM Tab WHERE p = 'a'", false),
    ] {
        let answer =
            fixture.kit.json(who, "dynamodb", "ExecuteStatement", &json!({"Statement": statement})).await;
        let is_allowed = !answer.as_ref().is_err_and(|fault| fault.code.starts_with("AccessDenied"));
        assert_eq!(is_allowed, expected, "{statement}: {answer:?}");
    }
}

#[tokio::test]
async fn a_statement_of_a_batch_is_refused_in_its_place() {
    let fixture = filled().await;
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";
    let narrow = json!([{"Effect": "Allow", "Action": "dynamodb:PartiQL*", "Resource": table,
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}, "Null": {"dynamodb:LeadingKeys": "false"}}}]);
    let narrow = fixture.kit.user("narrow", narrow).await;
    let batch = |statements: &[&str]| {
        let statements = statements.iter().map(|text| json!({"Statement": text})).collect::<Vec<_>>();
        let input = json!({"Statements": statements});
        let (kit, who) = (&fixture.kit, &narrow);
        async move { kit.json(who, "dynamodb", "BatchExecuteStatement", &input).await }
    };
    let codes = |answer: &Value| {
        let responses = answer["Responses"].as_array().unwrap().iter();
        responses.map(|one| one["Error"]["Code"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let reads = batch(&[
        "SELECT * FROM Tab WHERE p = 'a' AND s = 1",
        "SELECT * FROM Tab WHERE p = 'z' AND s = 1",
        "SELECT * FROM None WHERE p = 'a'",
        "SLECT",
    ])
    .await
    .unwrap();
    assert_eq!(codes(&reads), ["-", "AccessDenied", "AccessDenied", "ValidationError"]);
    assert_eq!(reads["Responses"][0]["Item"]["s"], n(1));
    assert!(reads["Responses"][1]["Error"]["Message"].as_str().unwrap().contains("not authorized"));
    let writes = batch(&[
        "INSERT INTO Tab VALUE {'p': 'b', 's': 77}",
        "INSERT INTO Tab VALUE {'p': 'a', 's': 77}",
        "DELETE FROM Tab WHERE p = 'z' AND s = 1",
    ])
    .await
    .unwrap();
    assert_eq!(codes(&writes), ["AccessDenied", "-", "AccessDenied"]);
    assert!(items(&fixture, "SELECT * FROM Tab WHERE p = 'b' AND s = 77").await.is_empty());
    assert_eq!(items(&fixture, "SELECT * FROM Tab WHERE p = 'a' AND s = 77").await.len(), 1);
    let none = batch(&["DELETE FROM Tab WHERE p = 'z' AND s = 1", "SLECT"]).await.unwrap_err();
    assert_eq!(none.code, "AccessDeniedException", "no statement may be carried out");
    // The refusals stand in the record of the call that was let through for the rest.
    let records = fixture.kit.records().await;
    let told = records
        .iter()
        .rev()
        .find(|record| record["eventName"] == "BatchExecuteStatement" && record["errorCode"].is_null());
    let refused = &told.unwrap()["additionalEventData"]["duringWork"]["refused"];
    assert_eq!(refused.as_array().map(Vec::len), Some(2), "{told:?}");
}
