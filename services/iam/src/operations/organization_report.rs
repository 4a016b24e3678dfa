//! Which services the control policies of an organization leave to one of its parts, and when they were last used there.
//!
//! For the account that manages the organization alone. It tells of the trails of the accounts in that part which account
//! used which service last, and nothing of whom in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::usage;
use base::{AccountId, Timestamp};
use identity::governance::FULL_ACCESS_DOCUMENT;
use identity::records::organization::{
    ControlKind, ControlPolicyRecord, MemberRecord, OrganizationRecord, UnitRecord, keys as parts,
};
use identity::records::{Record as _, keys};
use identity::{Reads, organization};
use observe::{Position, Query};
use service::{Access, AccessRequest, Call, Permit};
use store::{Range, Read as _};

use crate::page::Paging;
use crate::reports::{ORGANIZATION_REPORTS, OrganizationReportRecord, OrganizationUse, usage_key};
use crate::{Error, Iam, access, api, granting};

/// Records of one page of a trail, and of all trails together.
const PAGE: usize = 1_000;
const RECORDS_MAX: usize = 500_000;
/// Reports that are kept; beyond, the oldest goes.
const REPORTS_MAX: usize = 100;

/// Leave for a report on a part of the organization; and for the policy that it is about, where it is about one.
pub(crate) fn leave(
    _: &Iam,
    request: &AccessRequest<'_, api::GenerateOrganizationsAccessReportRequest>,
) -> Result<Access, Error> {
    let input = request.input;
    let arn = format!("arn:aws:iam::{}:access-report/{}", request.account, input.entity_path);
    let access = access::leave(request, "iam:GenerateOrganizationsAccessReport", arn)?;
    Ok(match &input.organizations_policy_id {
        Some(id) => access.when("iam:OrganizationsPolicyId", [id.as_str()]),
        None => access,
    })
}

/// A part of the organization: the documents that bind it at each level, and the accounts in it with their paths.
struct Part {
    levels: Vec<Vec<String>>,
    accounts: Vec<(AccountId, String)>,
}

fn invalid(path: &str) -> Error {
    Error::InvalidInput(format!("{path} is not the path of an entity in your organization."))
}

fn managed(from: &(impl Reads + ?Sized), account: AccountId) -> Result<OrganizationRecord, Error> {
    let seat = organization::seat(from, account)?;
    let own = seat.map(|(record, _)| record).filter(|record| record.management == account);
    own.ok_or_else(|| {
        Error::denied("Only the management account of an organization may ask for this report.")
    })
}

fn all_members(from: &(impl Reads + ?Sized), organization: &str) -> Result<Vec<MemberRecord>, Error> {
    let mut members = Vec::new();
    for (_, bytes) in from.list(parts::MEMBERS, &Range::all())? {
        let member = MemberRecord::decode(&bytes).map_err(identity::DirectoryError::from)?;
        if member.organization == organization {
            members.push(member);
        }
    }
    Ok(members)
}

/// The units from the root to this one.
fn line(units: &[UnitRecord], id: &str) -> Vec<UnitRecord> {
    let mut line = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next.take() {
        let Some(unit) = units.iter().find(|unit| unit.id == id) else { break };
        next.clone_from(&unit.parent);
        line.push(unit.clone());
        if line.len() > units.len() {
            break;
        }
    }
    line.reverse();
    line
}

fn path_of(organization: &str, line: &[UnitRecord], account: Option<AccountId>) -> String {
    let ids = line.iter().map(|unit| unit.id.clone()).chain(account.map(|account| account.to_string()));
    format!("{organization}/{}", ids.collect::<Vec<_>>().join("/"))
}

impl Part {
    fn find(from: &(impl Reads + ?Sized), record: &OrganizationRecord, path: &str) -> Result<Self, Error> {
        let asked = path.trim_end_matches('/');
        let units: Vec<UnitRecord> = from.records(parts::UNITS, &parts::organization(&record.id))?;
        let members = all_members(from, &record.id)?;
        let last = asked.rsplit('/').next().unwrap_or_default();
        let member = members.iter().find(|member| member.account.as_str() == last);
        let above = line(&units, member.map_or(last, |member| member.parent.as_str()));
        // The whole path must be right: what hangs elsewhere is another part.
        if above.is_empty() || path_of(&record.id, &above, member.map(|member| member.account)) != asked {
            return Err(invalid(path));
        }
        let mut attached: Vec<&[String]> = above.iter().map(|unit| unit.policies.as_slice()).collect();
        attached.extend(member.map(|member| member.policies.as_slice()));
        let is_bound = record.enabled.contains(&ControlKind::Service)
            && member.is_none_or(|member| member.account != record.management);
        let levels = if is_bound {
            attached.into_iter().map(|ids| documents(from, &record.id, ids)).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let inside = |own: &str| own == asked || own.starts_with(&format!("{asked}/"));
        let accounts = members.iter().map(|member| {
            let above = line(&units, &member.parent);
            (member.account, path_of(&record.id, &above, Some(member.account)))
        });
        Ok(Self { levels, accounts: accounts.filter(|(_, own)| inside(own)).collect() })
    }

    /// The services that every level allows something of.
    fn namespaces(&self) -> BTreeSet<String> {
        let allowed = |documents: &Vec<String>| -> BTreeSet<String> {
            documents.iter().flat_map(|document| granting::namespaces(document)).collect()
        };
        let offered = granting::namespaces(FULL_ACCESS_DOCUMENT);
        self.levels
            .iter()
            .map(allowed)
            .fold(offered, |left, level| left.intersection(&level).cloned().collect())
    }
}

/// The documents of service control policies with these ids.
fn documents(from: &(impl Reads + ?Sized), organization: &str, ids: &[String]) -> Result<Vec<String>, Error> {
    let mut documents = Vec::new();
    for id in ids {
        match ControlKind::of_aws_policy(id) {
            Some(ControlKind::Service) => documents.push(FULL_ACCESS_DOCUMENT.to_owned()),
            Some(ControlKind::Resource) => {}
            None => {
                let found: Option<ControlPolicyRecord> =
                    from.record(parts::CONTROL_POLICIES, &parts::part(organization, id))?;
                let own = found.filter(|policy| policy.kind == ControlKind::Service);
                documents.extend(own.map(|policy| policy.document));
            }
        }
    }
    Ok(documents)
}

/// The latest use of each service in each account, latest account first.
async fn uses(
    call: &Call,
    part: &Part,
    namespaces: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<OrganizationUse>>, Error> {
    let mut found: BTreeMap<String, Vec<OrganizationUse>> =
        namespaces.iter().map(|namespace| (namespace.clone(), Vec::new())).collect();
    let mut read = 0;
    for (account, path) in &part.accounts {
        let mut after: Option<Position> = None;
        let mut seen = BTreeSet::new();
        loop {
            let query =
                Query { account: *account, attribute: None, start: None, end: None, limit: PAGE, after };
            let page = call.pipeline().audit().query(&query).await?;
            read += page.events.len();
            for event in &page.events {
                let Some(made) = usage::of_record(&event.json).filter(|made| !made.denied) else { continue };
                for (action, _) in &made.needs {
                    let namespace = action.split(':').next().unwrap_or_default();
                    let Some(list) = found.get_mut(namespace) else { continue };
                    if seen.insert(namespace.to_owned()) {
                        let at = Timestamp::from_secs(event.event_time.secs());
                        list.push(OrganizationUse { path: path.clone(), at, region: made.region.clone() });
                    }
                }
            }
            after = page.next;
            if after.is_none() || read >= RECORDS_MAX {
                break;
            }
        }
    }
    found.values_mut().for_each(|list| list.sort_by_key(|used| std::cmp::Reverse(used.at)));
    Ok(found)
}

/// The part that is meant, and the services that the report is about.
fn asked(
    _: &Iam,
    call: &Call,
    input: &api::GenerateOrganizationsAccessReportRequest,
) -> Result<(Part, BTreeSet<String>), Error> {
    let view = call.view()?;
    let record = managed(&view, call.account())?;
    let part = Part::find(&view, &record, &input.entity_path)?;
    let Some(id) = &input.organizations_policy_id else {
        let namespaces = part.namespaces();
        return Ok((part, namespaces));
    };
    let named = documents(&view, &record.id, std::slice::from_ref(id))?;
    let document = named.first().ok_or_else(|| Error::NoSuchEntity(format!("Policy {id} was not found.")))?;
    // As in AWS, a report about one policy is about what that policy allows.
    Ok((part, granting::namespaces(document)))
}

pub(crate) async fn generate(
    iam: Arc<Iam>,
    permit: Permit<api::GenerateOrganizationsAccessReport>,
) -> Result<api::GenerateOrganizationsAccessReportResponse, Error> {
    let Permit { input, call, .. } = permit;
    let (part, namespaces) = asked(&iam, &call, &input)?;
    let services = uses(&call, &part, &namespaces).await?;
    let at = Timestamp::from_secs(call.now().secs());
    let report = OrganizationReportRecord { created_at: at, services: services.into_iter().collect() };
    let job = crypto::random::uuid();
    iam.change(&call, |edit| {
        let account = edit.account();
        let present = edit.list(ORGANIZATION_REPORTS, &Range::prefix(keys::all_of(account)))?;
        if present.len() >= REPORTS_MAX {
            let made = |bytes: &[u8]| {
                OrganizationReportRecord::decode(bytes).map(|it| it.created_at).unwrap_or_default()
            };
            if let Some((key, _)) = present.iter().min_by_key(|(_, bytes)| made(bytes)) {
                edit.delete(ORGANIZATION_REPORTS, &store::Key::new().raw(key))?;
            }
        }
        Ok(edit.put(ORGANIZATION_REPORTS, &usage_key(account, &job), &report)?)
    })
    .await?;
    Ok(api::GenerateOrganizationsAccessReportResponse { job_id: Some(job) })
}

fn shown(namespace: String, uses: &[OrganizationUse]) -> api::AccessDetail {
    let last = uses.first();
    api::AccessDetail {
        service_name: granting::service_name(&namespace),
        service_namespace: namespace,
        region: last.map(|used| used.region.clone()),
        entity_path: last.map(|used| used.path.clone()),
        last_authenticated_time: last.map(|used| used.at),
        total_authenticated_entities: i64::try_from(uses.len()).ok(),
    }
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetOrganizationsAccessReport>,
) -> Result<api::GetOrganizationsAccessReportResponse, Error> {
    let Permit { input, call, .. } = permit;
    let key = usage_key(call.account(), &input.job_id);
    let report: Option<OrganizationReportRecord> = call.view()?.record(ORGANIZATION_REPORTS, &key)?;
    let report = report.ok_or_else(|| Error::NoSuchEntity(format!("Job {} was not found", input.job_id)))?;
    let accessible = report.services.len();
    let unused = report.services.iter().filter(|(_, uses)| uses.is_empty()).count();
    let mut services = report.services;
    let last = |uses: &[OrganizationUse]| uses.first().map(|used| used.at);
    let order = input.sort_key.as_deref().unwrap_or("SERVICE_NAMESPACE_ASCENDING");
    if order.starts_with("LAST_AUTHENTICATED_TIME") {
        services.sort_by_key(|(_, uses)| last(uses));
    }
    if order.ends_with("DESCENDING") {
        services.reverse();
    }
    // Their place in the order that was asked for is what pages go on by.
    let ranked = services.into_iter().enumerate();
    let details = ranked.map(|(rank, (namespace, uses))| (format!("{rank:06}"), shown(namespace, &uses)));
    let page = Paging::new(input.marker, input.max_items).of(details.collect())?;
    Ok(api::GetOrganizationsAccessReportResponse {
        job_status: "COMPLETED".to_owned(),
        job_creation_date: report.created_at,
        job_completion_date: Some(report.created_at),
        number_of_services_accessible: i64::try_from(accessible).ok(),
        number_of_services_not_accessed: i64::try_from(unused).ok(),
        access_details: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
        error_details: None,
    })
}
