//! New accounts: real tenants, with a role through which the management account administers them.
//!
//! An account is made in one transaction with its role and its membership, so that it never stands half made.

use std::sync::Arc;

use ::identity::records::organization::{CreationRecord, MemberRecord, OrganizationRecord, keys};
use ::identity::records::{AccountRecord, RoleRecord, Tag, keys as records};
use ::identity::{Edit, Reads as _, principal};
use base::{AccountId, Timestamp};
use serde_json::json;
use service::Permit;
use store::Read as _;

use super::moment;
use super::units::defaults;
use crate::model::{ACCOUNTS_MAX, ROLE, ids};
use crate::{Error, Organizations, api, page, shapes, tags, tree};

const ROLE_NAME: &str = "OrganizationAccountAccessRole";
/// What the names of service-linked roles begin with.
const RESERVED: &str = "AWSServiceRoleFor";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const SESSION_SECS_MAX: i64 = 3_600;

pub(crate) async fn create(
    org: Arc<Organizations>,
    permit: Permit<api::CreateAccount>,
) -> Result<api::CreateAccountResponse, Error> {
    let Permit { input, call, .. } = permit;
    if input.role_name.as_deref().is_some_and(|name| name.starts_with(RESERVED)) {
        let why = format!(
            "You provided a role name that isn't valid. A role name can't begin with the reserved prefix {RESERVED}."
        );
        return Err(Error::invalid("INVALID_ROLE_NAME", why));
    }
    let wish = Wish {
        email: input.email.into_exposed(),
        name: input.account_name.into_exposed(),
        role: input.role_name.unwrap_or_else(|| ROLE_NAME.to_owned()),
        tags: tags::of_new(input.tags, &call)?,
        at: moment(&call),
    };
    let management = call.account();
    let status = call
        .transact(|transaction| {
            let mut edit = org.directory.edit_organization(transaction, management);
            let record = tree::managed(&edit, management)?;
            let members = tree::members(&edit, &record.id)?;
            if members.len() >= ACCOUNTS_MAX {
                return Err(Error::quota("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "accounts", ACCOUNTS_MAX));
            }
            let taken = members.iter().any(|member| member.email.eq_ignore_ascii_case(&wish.email));
            let account = if taken { None } else { Some(new_account(&edit)?) };
            let creation = CreationRecord {
                id: ids::creation(),
                name: wish.name.clone(),
                account,
                requested_at: wish.at,
                failure: taken.then(|| "EMAIL_ALREADY_EXISTS".to_owned()),
            };
            edit.put(keys::CREATIONS, &keys::part(&record.id, &creation.id), &creation)?;
            if let Some(account) = account {
                edit.put(keys::MEMBERS, &keys::member(account), &wish.member(&record, account))?;
                wish.make(&mut org.directory.edit(transaction, account), management)?;
            }
            Ok(shapes::creation(&creation))
        })
        .await?;
    Ok(api::CreateAccountResponse { create_account_status: Some(status) })
}

/// What was asked for.
struct Wish {
    email: String,
    name: String,
    role: String,
    tags: Vec<Tag>,
    at: Timestamp,
}

impl Wish {
    fn member(&self, organization: &OrganizationRecord, account: AccountId) -> MemberRecord {
        MemberRecord {
            account,
            organization: organization.id.clone(),
            parent: organization.root.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            joined_at: self.at,
            created: true,
            policies: defaults(&organization.enabled),
            tags: self.tags.clone(),
            delegated: Vec::new(),
            closed_at: None,
        }
    }

    /// The tenant: an account without any key, and one role.
    // SECURITY: the only way in is the role, and it trusts the management account and nobody else.
    fn make(&self, edit: &mut Edit<'_, '_>, management: AccountId) -> Result<(), Error> {
        let account = edit.account();
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": principal::root_arn(management)}, "Action": "sts:AssumeRole"}]});
        let role = RoleRecord {
            name: self.role.clone(),
            path: "/".to_owned(),
            role_id: ::identity::ids::entity(::identity::ids::ROLE),
            created_at: self.at,
            trust: trust.to_string(),
            description: None,
            session_secs_max: SESSION_SECS_MAX,
            tags: Vec::new(),
            inline: Vec::new(),
            attached: vec![ADMINISTRATOR.to_owned()],
            boundary: None,
        };
        edit.put(records::ACCOUNTS, &records::account(account), &AccountRecord::new(self.at))?;
        ROLE.ensure(edit, self.at)?;
        edit.put(records::ROLES, &records::named(account, &role.name), &role)?;
        Ok(edit
            .mark(records::ATTACHMENTS, &records::attachment(account, ADMINISTRATOR, "Role", &role.name))?)
    }
}

/// An id that no account has.
fn new_account(edit: &Edit<'_, '_>) -> Result<AccountId, Error> {
    for _ in 0..16 {
        if let Some(account) = ids::account()
            && edit
                .read(records::ACCOUNTS, &records::account(account))
                .map_err(::identity::DirectoryError::from)?
                .is_none()
        {
            return Ok(account);
        }
    }
    Err(Error::Internal(service::Internal::new("no free account id was drawn")))
}

pub(crate) async fn describe(
    _: Arc<Organizations>,
    permit: Permit<api::DescribeCreateAccountStatus>,
) -> Result<api::DescribeCreateAccountStatusResponse, Error> {
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let key = keys::part(&record.id, &permit.input.create_account_request_id);
    let creation: CreationRecord = view.record(keys::CREATIONS, &key)?.ok_or_else(Error::no_creation)?;
    Ok(api::DescribeCreateAccountStatusResponse { create_account_status: Some(shapes::creation(&creation)) })
}

pub(crate) async fn list(
    _: Arc<Organizations>,
    permit: Permit<api::ListCreateAccountStatus>,
) -> Result<api::ListCreateAccountStatusResponse, Error> {
    let input = permit.input;
    let view = permit.call.view()?;
    let record = tree::readable(&view, permit.call.account())?;
    let mut all: Vec<CreationRecord> = view.records(keys::CREATIONS, &keys::organization(&record.id))?;
    let mut states = input.states.unwrap_or_default();
    states.sort();
    states.dedup();
    if !states.is_empty() {
        all.retain(|creation| states.iter().any(|state| state == shapes::state(creation)));
    }
    let shown = all.iter().map(|creation| (creation.id.clone(), shapes::creation(creation))).collect();
    let (statuses, next_token) = page::of(
        &["ListCreateAccountStatus", &record.id, &states.join(",")],
        shown,
        input.next_token,
        input.max_results,
    )?;
    Ok(api::ListCreateAccountStatusResponse { create_account_statuses: Some(statuses), next_token })
}
