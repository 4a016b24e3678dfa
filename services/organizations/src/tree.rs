//! Reads the tree: who belongs to which organization, what hangs where.
//!
//! It changes nothing and decides nothing but who may read what: the management account, those it delegated to, and for
//! the organization itself every member.

use base::AccountId;
use identity::Reads;
use identity::records::Record as _;
use identity::records::organization::{
    ControlKind, ControlPolicyRecord, MemberRecord, OrganizationRecord, UnitRecord, keys,
};
use store::Range;

use crate::Error;
use crate::model::Target;

/// The organization of an account, and its membership.
pub(crate) fn seat(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<(OrganizationRecord, MemberRecord), Error> {
    identity::organization::seat(from, account)?.ok_or_else(Error::not_in_use)
}

/// The organization that the account manages.
pub(crate) fn managed(from: &(impl Reads + ?Sized), account: AccountId) -> Result<OrganizationRecord, Error> {
    let (organization, _) = seat(from, account)?;
    if organization.management == account { Ok(organization) } else { Err(Error::no_leave()) }
}

/// The organization that the account manages, or administers some service for.
pub(crate) fn readable(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<OrganizationRecord, Error> {
    let (organization, member) = seat(from, account)?;
    if organization.management == account || !member.delegated.is_empty() {
        Ok(organization)
    } else {
        Err(Error::no_leave())
    }
}

/// The root or unit with this id.
pub(crate) fn unit(
    from: &(impl Reads + ?Sized),
    organization: &str,
    id: &str,
) -> Result<Option<UnitRecord>, Error> {
    Ok(from.record(keys::UNITS, &keys::part(organization, id))?)
}

/// All units, the root included.
pub(crate) fn units(from: &(impl Reads + ?Sized), organization: &str) -> Result<Vec<UnitRecord>, Error> {
    Ok(from.records(keys::UNITS, &keys::organization(organization))?)
}

/// How many units stand between this one and the root.
pub(crate) fn depth(
    from: &(impl Reads + ?Sized),
    organization: &str,
    unit: &UnitRecord,
) -> Result<usize, Error> {
    let mut depth = 0;
    let mut parent = unit.parent.clone();
    while let Some(id) = parent {
        depth += 1;
        parent = self::unit(from, organization, &id)?.and_then(|unit| unit.parent);
    }
    Ok(depth)
}

/// The path of ids from the organization to the unit: `o-…/r-…/ou-…/`.
pub(crate) fn path(
    from: &(impl Reads + ?Sized),
    organization: &str,
    unit: &UnitRecord,
) -> Result<String, Error> {
    let mut ids = vec![unit.id.clone()];
    let mut parent = unit.parent.clone();
    while let Some(id) = parent {
        parent = self::unit(from, organization, &id)?.and_then(|unit| unit.parent);
        ids.push(id);
    }
    ids.reverse();
    Ok(format!("{organization}/{}/", ids.join("/")))
}

/// All members.
pub(crate) fn members(from: &(impl Reads + ?Sized), organization: &str) -> Result<Vec<MemberRecord>, Error> {
    let mut members = Vec::new();
    for (_, bytes) in from.list(keys::MEMBERS, &Range::all())? {
        let member = MemberRecord::decode(&bytes).map_err(identity::DirectoryError::from)?;
        if member.organization == organization {
            members.push(member);
        }
    }
    Ok(members)
}

/// The member with this account.
pub(crate) fn member(
    from: &(impl Reads + ?Sized),
    organization: &str,
    account: AccountId,
) -> Result<Option<MemberRecord>, Error> {
    let member: Option<MemberRecord> = from.record(keys::MEMBERS, &keys::member(account))?;
    Ok(member.filter(|member| member.organization == organization))
}

/// The member with this account id as a caller wrote it.
pub(crate) fn member_named(
    from: &(impl Reads + ?Sized),
    organization: &str,
    account: &str,
) -> Result<MemberRecord, Error> {
    let account = account.parse().map_err(|_| Error::no_account())?;
    member(from, organization, account)?.ok_or_else(Error::no_account)
}

/// A policy with this id, AWS's own included.
pub(crate) fn policy(
    from: &(impl Reads + ?Sized),
    organization: &str,
    id: &str,
) -> Result<Option<ControlPolicyRecord>, Error> {
    if let Some(kind) = ControlKind::of_aws_policy(id) {
        return Ok(Some(aws_policy(kind)));
    }
    Ok(from.record(keys::CONTROL_POLICIES, &keys::part(organization, id))?)
}

/// All policies of a type, AWS's own first.
pub(crate) fn policies(
    from: &(impl Reads + ?Sized),
    organization: &str,
    kind: ControlKind,
) -> Result<Vec<ControlPolicyRecord>, Error> {
    let own: Vec<ControlPolicyRecord> =
        from.records(keys::CONTROL_POLICIES, &keys::organization(organization))?;
    let own = own.into_iter().filter(|policy| policy.kind == kind);
    Ok(std::iter::once(aws_policy(kind)).chain(own).collect())
}

fn aws_policy(kind: ControlKind) -> ControlPolicyRecord {
    let (name, description, document) = match kind {
        ControlKind::Service => {
            ("FullAWSAccess", "Allows access to every operation", identity::governance::FULL_ACCESS_DOCUMENT)
        }
        ControlKind::Resource => (
            "RCPFullAWSAccess",
            "Allows access to every resource",
            identity::governance::RESOURCE_FULL_ACCESS_DOCUMENT,
        ),
    };
    ControlPolicyRecord {
        id: kind.full_access().to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        kind,
        document: document.to_owned(),
        tags: Vec::new(),
    }
}

/// What policies and tags hang on.
pub(crate) enum Node {
    Unit(UnitRecord),
    Member(MemberRecord),
}

impl Node {
    /// The root, unit or account with this id; `None` where there is none.
    pub(crate) fn find(
        from: &(impl Reads + ?Sized),
        organization: &str,
        id: &str,
    ) -> Result<Option<Self>, Error> {
        Ok(match Target::of(id) {
            Some(Target::Root | Target::Unit) => unit(from, organization, id)?.map(Self::Unit),
            Some(Target::Account(account)) => member(from, organization, account)?.map(Self::Member),
            Some(Target::Policy) | None => None,
        })
    }

    pub(crate) const fn policies(&mut self) -> &mut Vec<String> {
        match self {
            Self::Unit(unit) => &mut unit.policies,
            Self::Member(member) => &mut member.policies,
        }
    }

    pub(crate) const fn tags(&mut self) -> &mut Vec<(String, String)> {
        match self {
            Self::Unit(unit) => &mut unit.tags,
            Self::Member(member) => &mut member.tags,
        }
    }

    pub(crate) fn save(&self, edit: &mut identity::Edit<'_, '_>, organization: &str) -> Result<(), Error> {
        match self {
            Self::Unit(unit) => edit.put(keys::UNITS, &keys::part(organization, &unit.id), unit)?,
            Self::Member(member) => edit.put(keys::MEMBERS, &keys::member(member.account), member)?,
        }
        Ok(())
    }

    /// Every root, unit and account.
    pub(crate) fn all(from: &(impl Reads + ?Sized), organization: &str) -> Result<Vec<Self>, Error> {
        let units = units(from, organization)?.into_iter().map(Self::Unit);
        Ok(units.chain(members(from, organization)?.into_iter().map(Self::Member)).collect())
    }
}
