//! An organization's analyzer: what it tells, and when it tells nothing any more.

use base::AccountId;
use identity::records::Record as _;
use identity::records::organization::{MemberRecord, OrganizationRecord, UnitRecord, keys};

use super::*;
use crate::records::{Details, UnusedService};
use crate::scan::testing;
use crate::scan::{Policy, Seen};
use crate::zone::{Closed, PRINCIPAL};

const OWN: &str = "123456789012";
const MEMBER: &str = "222222222222";
const ROLE: &str = "arn:aws:iam::222222222222:role/open";

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

/// Accounts, and whether they administer for this service.
type Members = &'static [(&'static str, bool)];

/// Makes the kit's account the delegated administrator of another's organization, or changes what it is.
async fn organization(kit: &TestKit, trusted: bool, members: Members) {
    let at = kit.clock.now();
    let names = |is: bool| if is { vec![(PRINCIPAL.to_owned(), at)] } else { Vec::new() };
    let organization = OrganizationRecord {
        id: "o-1".into(),
        management: id("999999999999"),
        root: "r-1".into(),
        created_at: at,
        enabled: Vec::new(),
        trusted_services: names(trusted),
        root_features: Vec::new(),
    };
    let root = UnitRecord {
        id: "r-1".into(),
        parent: None,
        name: "Root".into(),
        policies: Vec::new(),
        tags: Vec::new(),
    };
    let written: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|transaction| {
            transaction.put(keys::ORGANIZATIONS, keys::organization("o-1"), organization.encode()?)?;
            transaction.put(keys::UNITS, keys::part("o-1", "r-1"), root.encode()?)?;
            for account in [OWN, MEMBER] {
                transaction.delete(keys::MEMBERS, keys::member(id(account)))?;
            }
            for (account, delegated) in members {
                let member = MemberRecord {
                    account: id(account),
                    organization: "o-1".into(),
                    parent: "r-1".into(),
                    name: "m".into(),
                    email: "m@example.com".into(),
                    joined_at: at,
                    created: true,
                    policies: Vec::new(),
                    tags: Vec::new(),
                    delegated: names(*delegated),
                    closed_at: None,
                };
                transaction.put(keys::MEMBERS, keys::member(member.account), member.encode()?)?;
            }
            Ok(())
        })
        .await;
    written.unwrap();
}

/// The kit's account has both analyzers of the organization, with findings about the member.
async fn watched(kit: &TestKit) {
    organization(kit, true, &[(OWN, true), (MEMBER, false)]).await;
    done(kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ORGANIZATION"})).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"}]});
    let seen = Seen {
        arn: ROLE.to_owned(),
        resource_type: "AWS::IAM::Role",
        policy: Policy::Text(trust.to_string()),
        shielded: false,
    };
    testing::settle(kit, MEMBER, ROLE, &[seen]).await;
}

/// The operations that name an analyzer by its ARN, but for those that are about its tags alone.
fn about_findings() -> Vec<(&'static str, Value)> {
    samples().into_iter().filter(|(_, input)| input.get("analyzerArn").is_some()).collect()
}

#[tokio::test]
async fn whoever_no_longer_administers_the_organization_learns_nothing() {
    let kit = kit().await;
    watched(&kit).await;
    let rule = json!({"analyzerName": "a", "ruleName": "r", "filter": {"isPublic": {"eq": ["true"]}}});
    done(&kit, "CreateArchiveRule", rule).await;
    let found = done(&kit, "ListFindingsV2", json!({"analyzerArn": ARN})).await;
    assert_eq!(found["findings"][0]["resourceOwnerAccount"], MEMBER);
    let operations = about_findings();
    assert!(operations.len() >= 16, "{}", operations.len());
    for (operation, input) in &operations {
        if let Err(fault) = ask(&kit, operation, input.clone()).await {
            assert_ne!(fault.code, "AccessDeniedException", "{operation} while it administers");
        }
    }
    let gone: [(Closed, bool, Members); 3] = [
        (Closed::NotAdministrator, true, &[(OWN, false), (MEMBER, false)]),
        (Closed::NotTrusted, false, &[(OWN, true), (MEMBER, false)]),
        (Closed::NoOrganization, true, &[(MEMBER, false)]),
    ];
    for (why, trusted, members) in gone {
        organization(&kit, trusted, members).await;
        for (operation, input) in &operations {
            let fault = ask(&kit, operation, input.clone()).await.expect_err(operation);
            let told = (&*fault.code, fault.status, fault.message.as_str());
            assert_eq!(told, ("AccessDeniedException", 403, why.message()), "{operation}");
        }
        let shown = done(&kit, "GetAnalyzer", json!({"analyzerName": "a"})).await;
        assert_eq!(shown["analyzer"]["status"], "DISABLED");
        assert_eq!(shown["analyzer"]["lastResourceAnalyzed"], Value::Null);
    }
    organization(&kit, true, &[(OWN, true), (MEMBER, false)]).await;
    let again = done(&kit, "ListFindingsV2", json!({"analyzerArn": ARN})).await;
    assert_eq!(again["findings"], found["findings"], "an administrator again");
}

#[tokio::test]
async fn nothing_is_told_of_accounts_that_left() {
    let kit = kit().await;
    watched(&kit).await;
    let unused = "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/u";
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "u", "type": "ORGANIZATION_UNUSED_ACCESS"})).await;
    let service = UnusedService { namespace: "s3".into(), last: None, actions: Vec::new() };
    testing::unused_of(&kit, MEMBER, vec![(ROLE, Details::Permissions { services: vec![service] })]).await;
    let external = done(&kit, "ListFindings", json!({"analyzerArn": ARN})).await["findings"][0].clone();
    let permission =
        done(&kit, "ListFindingsV2", json!({"analyzerArn": unused})).await["findings"][0].clone();
    let preview = preview(ROLE, json!({"iamRole": {"trustPolicy": POLICY}}));
    let preview = done(&kit, "CreateAccessPreview", preview).await["id"].clone();

    organization(&kit, true, &[(OWN, true)]).await;
    let told = async |scanned: &str| {
        for (operation, list, input) in [
            ("ListFindings", "findings", json!({"analyzerArn": ARN})),
            ("ListFindingsV2", "findings", json!({"analyzerArn": ARN})),
            ("ListFindingsV2", "findings", json!({"analyzerArn": unused})),
            ("ListAnalyzedResources", "analyzedResources", json!({"analyzerArn": ARN})),
            ("ListAccessPreviews", "accessPreviews", json!({"analyzerArn": ARN})),
        ] {
            assert_eq!(done(&kit, operation, input).await[list], json!([]), "{operation} {scanned}");
        }
        for arn in [ARN, unused] {
            let statistics = done(&kit, "GetFindingsStatistics", json!({"analyzerArn": arn})).await;
            assert!(!statistics.to_string().contains(MEMBER), "{statistics}");
            assert!(statistics.to_string().contains(r#""totalActiveFindings":0"#), "{statistics}");
        }
        let (external, permission) = (&external["id"], &permission["id"]);
        for (operation, input) in [
            ("GetFinding", json!({"analyzerArn": ARN, "id": external})),
            ("GetFindingV2", json!({"analyzerArn": unused, "id": permission})),
            ("GenerateFindingRecommendation", json!({"analyzerArn": unused, "id": permission})),
            ("GetFindingRecommendation", json!({"analyzerArn": unused, "id": permission})),
            ("UpdateFindings", json!({"analyzerArn": ARN, "ids": [external], "status": "ARCHIVED"})),
            ("GetAnalyzedResource", json!({"analyzerArn": ARN, "resourceArn": ROLE})),
            ("StartResourceScan", json!({"analyzerArn": ARN, "resourceArn": ROLE})),
            ("GetAccessPreview", json!({"analyzerArn": ARN, "accessPreviewId": preview})),
            ("ListAccessPreviewFindings", json!({"analyzerArn": ARN, "accessPreviewId": preview})),
        ] {
            refused(&kit, operation, input, "ResourceNotFoundException").await;
        }
    };
    told("before a scan").await;
    testing::idle(&kit).await;
    told("after a scan").await;
    // What was known is gone from the store, too: it is not there for who comes back.
    organization(&kit, true, &[(OWN, true), (MEMBER, false)]).await;
    let found = done(&kit, "ListFindingsV2", json!({"analyzerArn": ARN})).await;
    assert_eq!(found["findings"], json!([]));
}
