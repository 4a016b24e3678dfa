//! `AWS::Organizations::Account`: an account that the organization opens, in the unit that it belongs to.
//!
//! Deleting it closes the account, unless the template keeps it (`DeletionPolicy: Retain`). An account is opened once: what an
//! interrupted try opened is taken over.

use std::time::Duration;

use serde_json::{Value, json};

use super::finders;
use super::organizations_types::TAGGING;
use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Account;

const PROPERTIES: [Property; 5] = [
    required("AccountName"),
    required("Email"),
    optional("ParentIds"),
    optional("RoleName"),
    optional("Tags"),
];

/// How often and how long apart a new account is looked at until it is there.
const LOOKS_MAX: usize = 120;
const LOOK_APART: Duration = Duration::from_millis(250);

impl Provider for Account {
    fn kind(&self) -> &'static str {
        "AWS::Organizations::Account"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("organizations", "CreateAccount"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let listing = ("ListAccounts", json!({}), "Accounts");
            let found = finders::in_organization(work, listing, ("Email", &work.text("Email"))).await?;
            Ok(found.map(|id| work.made(id, Value::Null)))
        })
    }

    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            // An address has one account, open or closed.
            let Some(found) = self.find(work).await? else { return Ok(None) };
            Ok(Some(settled(work, &found.id).await?))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &["/RoleName"], whole: &[], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "AccountId": of.id });
            let shown = seen(work.call("organizations", "DescribeAccount", input).await)?;
            let Some(account) = shown.and_then(|shown| shown.get("Account").cloned()) else {
                return Ok(None);
            };
            let mut now = properties(json!({
                "AccountName": account.get("Name"),
                "Email": account.get("Email"),
            }));
            if work.get("ParentIds").is_some() {
                now.insert("ParentIds".to_owned(), parents(work, &of.id).await?);
            }
            if work.get("Tags").is_some() {
                now.insert("Tags".to_owned(), TAGGING.shown("organizations", work, of).await?);
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = Value::Object(work.pick(&["AccountName", "Email", "RoleName", "Tags"]));
            let begun = work.call("organizations", "CreateAccount", input).await?;
            let id = opened(work, &begun).await?;
            settled(work, &id).await
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let differs = |name: &&str| old.properties.get(*name) != work.get(name);
            if let Some(name) = ["AccountName", "Email", "RoleName"].into_iter().find(differs) {
                return Err(Failure::new(format!("{name} of an account cannot be changed here.")).untouched());
            }
            place(work, &old.id).await?;
            TAGGING.change("organizations", work, old).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            match work.call("organizations", "CloseAccount", json!({ "AccountId": old.id })).await {
                Err(fault) if fault.code == "AccountAlreadyClosedException" => Ok(()),
                answer => gone(answer),
            }
        })
    }
}

/// An open account where its template wants it, with all that is known of it.
async fn settled(work: &Work, id: &str) -> Result<Physical, Failure> {
    let mut made = work.made(id, Value::Null);
    let rest = async {
        place(work, id).await?;
        Ok(work.call("organizations", "DescribeAccount", json!({ "AccountId": id })).await?)
    };
    let shown = rest.await.map_err(|failure: Failure| failure.after(&made))?;
    let account = shown.get("Account").cloned().unwrap_or_default();
    made.attributes = properties(json!({
        "AccountId": id,
        "Arn": account.get("Arn"),
        "JoinedMethod": account.get("JoinedMethod"),
        "JoinedTimestamp": account.get("JoinedTimestamp"),
        "Paths": account.get("Paths"),
        "State": account.get("State"),
        "Status": account.get("Status"),
    }));
    Ok(made)
}

/// The id of a new account, once it is open.
async fn opened(work: &Work, begun: &Value) -> Result<String, Failure> {
    let request = begun.pointer("/CreateAccountStatus/Id").cloned().unwrap_or_default();
    for _ in 0..LOOKS_MAX {
        let input = json!({ "CreateAccountRequestId": request });
        let told = work.call("organizations", "DescribeCreateAccountStatus", input).await?;
        let status = told.get("CreateAccountStatus").cloned().unwrap_or_default();
        match text(status.get("State")).as_str() {
            "SUCCEEDED" => return Ok(text(status.get("AccountId"))),
            "FAILED" => return Err(Failure::new(text(status.get("FailureReason")))),
            _ => tokio::time::sleep(LOOK_APART).await,
        }
    }
    Err(Failure::new("The account was not opened in time."))
}

async fn parents(work: &Work, account: &str) -> Result<Value, Failure> {
    let shown = work.call("organizations", "ListParents", json!({ "ChildId": account })).await?;
    Ok(list(shown.get("Parents")).iter().filter_map(|parent| parent.get("Id")).cloned().collect())
}

/// Moves an account to where its template wants it.
async fn place(work: &Work, account: &str) -> Result<(), Failure> {
    let [wanted] = list(work.get("ParentIds")) else {
        return match work.get("ParentIds") {
            None => Ok(()),
            Some(_) => Err(Failure::new("An account has one parent.")),
        };
    };
    let now = parents(work, account).await?;
    let Some(from) = list(Some(&now)).first().filter(|from| *from != wanted) else { return Ok(()) };
    let input = json!({ "AccountId": account, "SourceParentId": from, "DestinationParentId": wanted });
    work.call("organizations", "MoveAccount", input).await?;
    Ok(())
}
