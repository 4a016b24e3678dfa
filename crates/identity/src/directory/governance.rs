//! What an organization says about an account: where it stands, and which control policies bind it.
//!
//! It decides nothing. A tree or a policy that cannot be read is an error for the account as a whole: what cannot be read
//! might have been a deny.

use std::sync::Arc;

use base::AccountId;
use policy::{Context, NamedPolicy, Policy, PolicyKind};

use super::bootstrap::is_closed;
use super::{Directory, DirectoryError, Edit, Reads};
use crate::principal::Principal;
use crate::records::organization::{
    ControlKind, ControlPolicyRecord, MemberRecord, OrganizationRecord, UnitRecord, keys,
};

/// No tree is deeper: a root, five levels of units, and the account.
pub const UNITS_DEEP_MAX: usize = 5;

/// The document of AWS's own service control policy.
pub const FULL_ACCESS_DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// The document of AWS's own resource control policy.
pub const RESOURCE_FULL_ACCESS_DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// The services whose resources resource control policies guard; elsewhere they have no say, as in AWS.
const GUARDED: [&str; 11] = [
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "dynamodb",
    "ecr",
    "kms",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "sts",
];

/// An account's place in its organization, and the compiled policies that bind it there.
#[derive(Clone, Debug, Default)]
pub struct Governance {
    /// The organization's id, and the path of ids from it down to the account's parent, with a slash at the end.
    place: Option<(String, String)>,
    closed: bool,
    service_control: Vec<Vec<NamedPolicy>>,
    resource_control: Vec<Vec<NamedPolicy>>,
}

impl Governance {
    /// True where the account was closed: nobody of it may anything, and nobody anything of its.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// `o-…`; `None` where the account belongs to no organization.
    pub fn organization(&self) -> Option<&str> {
        self.place.as_ref().map(|(organization, _)| organization.as_str())
    }

    /// `o-…/r-…/ou-…/`: the ids from the organization down to the account's parent.
    pub fn path(&self) -> Option<&str> {
        self.place.as_ref().map(|(_, path)| path.as_str())
    }

    /// The service control policies that bind this principal of the account, a slice for each level from the root to the
    /// account; empty where none do.
    pub fn service_control(&self, principal: &Principal) -> Vec<&[NamedPolicy]> {
        // As in AWS, a provider's people are nobody's users or roles before they have a session.
        let is_free = principal.is_service_linked() || matches!(principal, Principal::WebIdentity(_));
        self.service_control_of(is_free)
    }

    /// The same for whoever is not a principal yet, such as the subject of a simulation: they bind all but who is free of them,
    /// as service-linked roles are.
    pub fn service_control_of(&self, is_free: bool) -> Vec<&[NamedPolicy]> {
        if is_free {
            return Vec::new();
        }
        self.service_control.iter().map(Vec::as_slice).collect()
    }

    /// The resource control policies, likewise, that guard the account's resources from this principal's `action`.
    pub fn resource_control(&self, principal: &Principal, action: &str) -> Vec<&[NamedPolicy]> {
        let service = action.split(':').next().unwrap_or_default();
        if !GUARDED.contains(&service) || principal.is_service_linked() {
            return Vec::new();
        }
        self.resource_control.iter().map(Vec::as_slice).collect()
    }

    /// Adds `aws:<whose>OrgID` and `aws:<whose>OrgPaths`; nothing where the account belongs to no organization.
    pub fn describe(&self, context: &mut Context, whose: Whose) {
        let Some((organization, path)) = &self.place else { return };
        let (id, paths) = whose.keys();
        context.add(id, organization.as_str());
        context.add(paths, path.as_str());
    }
}

/// Whose place in an organization condition keys tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The caller's.
    Principal,
    /// The target's.
    Resource,
    /// That of the resource on whose behalf a service calls.
    Source,
}

impl Whose {
    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Principal => ("aws:PrincipalOrgID", "aws:PrincipalOrgPaths"),
            Self::Resource => ("aws:ResourceOrgID", "aws:ResourceOrgPaths"),
            Self::Source => ("aws:SourceOrgID", "aws:SourceOrgPaths"),
        }
    }
}

impl Directory {
    /// What the account's organization says about it, as of now.
    pub fn governance(&self, account: AccountId) -> Result<Arc<Governance>, DirectoryError> {
        let shared = &self.0;
        if let Some(known) = shared.governance.get(account.as_str(), &shared.generations) {
            return Ok(known);
        }
        let generation = shared.generations.current(account);
        let governance = Arc::new(self.read_governance(account)?);
        shared.governance.keep(account.as_str(), account, generation, Arc::clone(&governance));
        Ok(governance)
    }

    /// Begins a change of an organization. What is cached of any account ends when it is durable, before its caller is
    /// told: a policy on the root binds every member.
    pub fn edit_organization<'e, 't>(
        &self,
        transaction: &'e mut store::Transaction<'t>,
        management: AccountId,
    ) -> Edit<'e, 't> {
        let shared = Arc::clone(&self.0);
        transaction.after_commit(move || shared.generations.advance_all());
        self.edit(transaction, management)
    }

    fn read_governance(&self, account: AccountId) -> Result<Governance, DirectoryError> {
        // One frozen view: the account, its parents and their policies from the same moment.
        let view = self.store().snapshot()?;
        let closed = is_closed(&view, account)?;
        let Some(member) = view.record::<MemberRecord>(keys::MEMBERS, &keys::member(account))? else {
            return Ok(Governance { closed, ..Governance::default() });
        };
        let gone = || DirectoryError::PolicyMissing(format!("organization {}", member.organization));
        let id = member.organization.as_str();
        let organization = view
            .record::<OrganizationRecord>(keys::ORGANIZATIONS, &keys::organization(id))?
            .ok_or_else(gone)?;
        let units = line(&view, &organization, &member)?;
        let ids: Vec<&str> = units.iter().map(|unit| unit.id.as_str()).collect();
        let mut governance = Governance {
            place: Some((id.to_owned(), format!("{id}/{}/", ids.join("/")))),
            closed,
            ..Governance::default()
        };
        // As in AWS, no control policy binds the account that manages the organization.
        if organization.management == account {
            return Ok(governance);
        }
        let attached = units.iter().map(|unit| unit.policies.as_slice()).chain([member.policies.as_slice()]);
        for policies in attached {
            let level = Level::read(&view, &organization, policies)?;
            if organization.enabled.contains(&ControlKind::Service) {
                governance.service_control.push(level.service);
            }
            if organization.enabled.contains(&ControlKind::Resource) {
                governance.resource_control.push(level.resource);
            }
        }
        Ok(governance)
    }
}

/// The units above an account, the root first.
fn line(
    view: &(impl Reads + ?Sized),
    organization: &OrganizationRecord,
    member: &MemberRecord,
) -> Result<Vec<UnitRecord>, DirectoryError> {
    let broken =
        || DirectoryError::PolicyMissing(format!("parent of {} {}", organization.id, member.account));
    let mut units = Vec::new();
    let mut next = Some(member.parent.clone());
    while let Some(id) = next {
        if units.len() > UNITS_DEEP_MAX {
            return Err(broken());
        }
        let unit: Option<UnitRecord> = view.record(keys::UNITS, &keys::part(&organization.id, &id))?;
        let unit = unit.ok_or_else(broken)?;
        next = unit.parent.clone();
        units.push(unit);
    }
    units.reverse();
    Ok(units)
}

/// The compiled policies of one level.
#[derive(Default)]
struct Level {
    service: Vec<NamedPolicy>,
    resource: Vec<NamedPolicy>,
}

impl Level {
    fn read(
        view: &(impl Reads + ?Sized),
        organization: &OrganizationRecord,
        ids: &[String],
    ) -> Result<Self, DirectoryError> {
        let mut level = Self::default();
        for id in ids {
            let (kind, document) = match ControlKind::of_aws_policy(id) {
                Some(ControlKind::Service) => (ControlKind::Service, FULL_ACCESS_DOCUMENT.to_owned()),
                Some(ControlKind::Resource) => {
                    (ControlKind::Resource, RESOURCE_FULL_ACCESS_DOCUMENT.to_owned())
                }
                None => {
                    let key = keys::part(&organization.id, id);
                    let record: Option<ControlPolicyRecord> = view.record(keys::CONTROL_POLICIES, &key)?;
                    // SECURITY: an attached policy that is not there is an error and never "no policy".
                    let record = record.ok_or_else(|| DirectoryError::PolicyMissing(id.clone()))?;
                    (record.kind, record.document)
                }
            };
            // Under its ARN: denials name it to whoever is of the organization.
            level.add(kind, &ControlPolicyRecord::arn(organization, kind, id), &document)?;
        }
        Ok(level)
    }

    fn add(&mut self, kind: ControlKind, arn: &str, document: &str) -> Result<(), DirectoryError> {
        let (compiled_as, list) = match kind {
            ControlKind::Service => (PolicyKind::ServiceControl, &mut self.service),
            ControlKind::Resource => (PolicyKind::ResourceControl, &mut self.resource),
        };
        let policy = Policy::parse(document, compiled_as)
            .map_err(|source| DirectoryError::Policy { name: arn.to_owned(), source })?;
        list.push(NamedPolicy::new(arn, policy));
        Ok(())
    }
}
