//! Records as the API shows them.
//!
//! Nothing is decided here.

use identity::records::Tag;
use identity::records::organization::{
    ControlKind, ControlPolicyRecord, CreationRecord, MemberRecord, OrganizationRecord, UnitRecord,
};

use crate::model::{Arns, Target};
use crate::{Error, api};

pub(crate) fn organization(record: &OrganizationRecord, management: &MemberRecord) -> api::Organization {
    let arns = Arns(record);
    api::Organization {
        id: Some(record.id.clone()),
        arn: Some(arns.organization()),
        feature_set: Some("ALL".to_owned()),
        master_account_arn: Some(arns.account(record.management)),
        master_account_id: Some(record.management.to_string()),
        master_account_email: email(management),
        available_policy_types: Some(types(&ControlKind::ALL)),
    }
}

pub(crate) fn root(record: &OrganizationRecord) -> api::Root {
    api::Root {
        id: Some(record.root.clone()),
        arn: Some(Arns(record).unit(&record.root)),
        name: Some("Root".to_owned()),
        policy_types: Some(types(&record.enabled)),
    }
}

fn types(kinds: &[ControlKind]) -> Vec<api::PolicyTypeSummary> {
    let shown = |kind: &ControlKind| api::PolicyTypeSummary {
        r#type: Some(kind.name().to_owned()),
        status: Some("ENABLED".to_owned()),
    };
    kinds.iter().map(shown).collect()
}

pub(crate) fn unit(
    organization: &OrganizationRecord,
    record: &UnitRecord,
    path: String,
) -> api::OrganizationalUnit {
    api::OrganizationalUnit {
        id: Some(record.id.clone()),
        arn: Some(Arns(organization).unit(&record.id)),
        name: Some(record.name.clone()),
        path: Some(path),
    }
}

fn email(member: &MemberRecord) -> Option<protocol::Sensitive<String>> {
    (!member.email.is_empty()).then(|| member.email.clone().into())
}

const fn joined_method(member: &MemberRecord) -> &'static str {
    if member.created { "CREATED" } else { "INVITED" }
}

pub(crate) fn account(organization: &OrganizationRecord, member: &MemberRecord) -> api::Account {
    let closed = member.closed_at.is_some();
    api::Account {
        id: Some(member.account.to_string()),
        arn: Some(Arns(organization).account(member.account)),
        email: email(member),
        name: Some(member.name.clone().into()),
        status: Some(if closed { "SUSPENDED" } else { "ACTIVE" }.to_owned()),
        state: Some(if closed { "CLOSED" } else { "ACTIVE" }.to_owned()),
        paths: None,
        joined_method: Some(joined_method(member).to_owned()),
        joined_timestamp: Some(member.joined_at),
    }
}

pub(crate) fn administrator(
    organization: &OrganizationRecord,
    member: &MemberRecord,
) -> api::DelegatedAdministrator {
    api::DelegatedAdministrator {
        id: Some(member.account.to_string()),
        arn: Some(Arns(organization).account(member.account)),
        email: email(member),
        name: Some(member.name.clone().into()),
        status: Some("ACTIVE".to_owned()),
        state: Some("ACTIVE".to_owned()),
        joined_method: Some(joined_method(member).to_owned()),
        joined_timestamp: Some(member.joined_at),
        delegation_enabled_date: member.delegated.iter().map(|(_, since)| *since).min(),
    }
}

pub(crate) fn creation(record: &CreationRecord) -> api::CreateAccountStatus {
    api::CreateAccountStatus {
        id: Some(record.id.clone()),
        account_name: Some(record.name.clone().into()),
        state: Some(state(record).to_owned()),
        requested_timestamp: Some(record.requested_at),
        completed_timestamp: Some(record.requested_at),
        account_id: record.account.map(|account| account.to_string()),
        gov_cloud_account_id: None,
        failure_reason: record.failure.clone(),
    }
}

/// An account is made at once, or not at all.
pub(crate) const fn state(record: &CreationRecord) -> &'static str {
    if record.account.is_some() { "SUCCEEDED" } else { "FAILED" }
}

pub(crate) fn summary(organization: &OrganizationRecord, record: &ControlPolicyRecord) -> api::PolicySummary {
    api::PolicySummary {
        id: Some(record.id.clone()),
        arn: Some(Arns(organization).policy(record.kind, &record.id)),
        name: Some(record.name.clone()),
        description: Some(record.description.clone()),
        r#type: Some(record.kind.name().to_owned()),
        aws_managed: Some(ControlKind::of_aws_policy(&record.id).is_some()),
    }
}

pub(crate) fn policy(organization: &OrganizationRecord, record: &ControlPolicyRecord) -> api::Policy {
    api::Policy {
        policy_summary: Some(summary(organization, record)),
        content: Some(record.document.clone()),
    }
}

/// What a policy is attached to.
pub(crate) fn target(
    organization: &OrganizationRecord,
    node: &crate::tree::Node,
) -> Result<api::PolicyTargetSummary, Error> {
    use crate::tree::Node;
    let (id, arn, name) = match node {
        Node::Unit(unit) => (unit.id.clone(), Arns(organization).unit(&unit.id), unit.name.clone()),
        Node::Member(member) => {
            (member.account.to_string(), Arns(organization).account(member.account), member.name.clone())
        }
    };
    let kind = Target::of(&id).map(Target::name).ok_or_else(Error::no_target)?;
    Ok(api::PolicyTargetSummary {
        target_id: Some(id),
        arn: Some(arn),
        name: Some(name),
        r#type: Some(kind.to_owned()),
    })
}

pub(crate) fn tags(tags: &[Tag]) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() }).collect()
}
