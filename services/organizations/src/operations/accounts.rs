//! Member accounts: described, listed, moved, closed, let go.
//!
//! An account that leaves stays what it is: a tenant with its principals and resources, bound by no control policy.

use std::sync::Arc;

use ::identity::Reads as _;
use ::identity::records::organization::{MemberRecord, OrganizationRecord, keys};
use ::identity::records::{AccountRecord, keys as records};
use service::Permit;

use crate::{Error, Organizations, api, page, shapes, tree};

pub(crate) async fn describe(
    _: Arc<Organizations>,
    permit: Permit<api::DescribeAccount>,
) -> Result<api::DescribeAccountResponse, Error> {
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let member = tree::member_named(&view, &record.id, &permit.input.account_id)?;
    Ok(api::DescribeAccountResponse { account: Some(shapes::account(&record, &member)) })
}

/// In which time closed accounts count: thirty days.
const CLOSING_SECS: i64 = 30 * 86_400;

fn shown(record: &OrganizationRecord, members: Vec<MemberRecord>) -> Vec<(String, api::Account)> {
    members.into_iter().map(|member| (member.account.to_string(), shapes::account(record, &member))).collect()
}

pub(crate) async fn list(
    _: Arc<Organizations>,
    permit: Permit<api::ListAccounts>,
) -> Result<api::ListAccountsResponse, Error> {
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let all = shown(&record, tree::members(&view, &record.id)?);
    let (accounts, next_token) =
        page::of(&["ListAccounts", &record.id], all, permit.input.next_token, permit.input.max_results)?;
    Ok(api::ListAccountsResponse { accounts: Some(accounts), next_token })
}

pub(crate) async fn list_below(
    _: Arc<Organizations>,
    permit: Permit<api::ListAccountsForParent>,
) -> Result<api::ListAccountsForParentResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let parent = tree::unit(&view, &record.id, &input.parent_id)?.ok_or_else(Error::no_parent)?;
    let mut members = tree::members(&view, &record.id)?;
    members.retain(|member| member.parent == parent.id);
    let (accounts, next_token) = page::of(
        &["ListAccountsForParent", &record.id, &input.parent_id],
        shown(&record, members),
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListAccountsForParentResponse { accounts: Some(accounts), next_token })
}

pub(crate) async fn r#move(org: Arc<Organizations>, permit: Permit<api::MoveAccount>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let mut member = tree::member_named(edit, &record.id, &input.account_id)?;
        if member.parent != input.source_parent_id {
            return Err(Error::no_source());
        }
        if tree::unit(edit, &record.id, &input.destination_parent_id)?.is_none() {
            return Err(Error::no_destination());
        }
        if input.destination_parent_id == member.parent {
            return Err(Error::there_already());
        }
        member.parent = input.destination_parent_id;
        Ok(edit.put(keys::MEMBERS, &keys::member(member.account), &member)?)
    })
    .await
}

pub(crate) async fn remove(
    org: Arc<Organizations>,
    permit: Permit<api::RemoveAccountFromOrganization>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let member = tree::member_named(edit, &record.id, &input.account_id)?;
        if record.management == member.account {
            return Err(Error::stays());
        }
        check_no_delegation(&member)?;
        Ok(edit.delete(keys::MEMBERS, &keys::member(member.account))?)
    })
    .await
}

/// Closes an account: its keys and sessions, its functions and its resources are refused from the next call on.
pub(crate) async fn close(org: Arc<Organizations>, permit: Permit<api::CloseAccount>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let at = super::moment(&call);
    org.change(&call, |edit| {
        let record = tree::managed(edit, edit.account())?;
        let mut member = tree::member_named(edit, &record.id, &input.account_id)?;
        if record.management == member.account {
            return Err(Error::closes_itself());
        }
        if member.closed_at.is_some() {
            return Err(Error::closed_already());
        }
        check_no_delegation(&member)?;
        let members = tree::members(edit, &record.id)?;
        let lately = members.iter().filter_map(|member| member.closed_at);
        let lately = lately.filter(|closed_at| at < closed_at.plus_secs(CLOSING_SECS)).count();
        if lately >= closings_max(members.len()) {
            return Err(Error::quota(
                "CLOSE_ACCOUNT_QUOTA_EXCEEDED",
                "accounts closed in 30 days",
                closings_max(members.len()),
            ));
        }
        member.closed_at = Some(at);
        edit.put(keys::MEMBERS, &keys::member(member.account), &member)?;
        let key = records::account(member.account);
        let account: Option<AccountRecord> = edit.record(records::ACCOUNTS, &key)?;
        let mut account = account.ok_or_else(Error::no_account)?;
        account.closed_at = Some(at);
        Ok(edit.put(records::ACCOUNTS, &key, &account)?)
    })
    .await
}

/// How many accounts an organization of so many may close within [`CLOSING_SECS`]: AWS's quota.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
fn closings_max(members: usize) -> usize {
    (members / 10).clamp(10, 1_000)
}

/// An account that administers something for the organization stays until that is taken from it.
pub(crate) fn check_no_delegation(member: &MemberRecord) -> Result<(), Error> {
    if member.delegated.is_empty() {
        return Ok(());
    }
    Err(Error::constraint(
        "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
        "You can't remove an account that is a delegated administrator from the organization.",
    ))
}
