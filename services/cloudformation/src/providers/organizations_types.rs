//! `AWS::Organizations::Organization` and `OrganizationalUnit`.

use serde_json::{Map, Value, json};

use super::finders;
use super::plain::{Id, Part, Plain, Read, Tagging, as_it_is};
use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

const UNIT: [Property; 3] = [required("Name"), required("ParentId").fixed(), optional("Tags")];

/// How tags of everything in an organization are changed and seen.
pub(super) const TAGGING: Tagging = Tagging {
    tag: "TagResource",
    untag: "UntagResource",
    list: "ListTagsForResource",
    resource: "ResourceId",
    attribute: None,
    tags: "Tags",
    keys: "TagKeys",
    is_map: false,
};

pub(super) static ORGANIZATIONAL_UNIT: Plain = Plain {
    kind: "AWS::Organizations::OrganizationalUnit",
    service: "organizations",
    properties: &UNIT,
    name: None,
    create: "CreateOrganizationalUnit",
    update: Some("UpdateOrganizationalUnit"),
    delete: "DeleteOrganizationalUnit",
    defaults: &[],
    overwrites: false,
    members: &[],
    id: Id::Answer("/OrganizationalUnit/Id"),
    attributes: &[
        ("Arn", "/OrganizationalUnit/Arn"),
        ("Id", "/OrganizationalUnit/Id"),
        ("Path", "/OrganizationalUnit/Path"),
    ],
    find: Some(finders::unit),
    keys: &[("OrganizationalUnitId", Part::Id)],
    read: Some(Read {
        operation: "DescribeOrganizationalUnit",
        place: "/OrganizationalUnit",
        places: &[],
        given: &["ParentId"],
        rules: &Rules::PLAIN,
        adapt: as_it_is,
        keys: None,
    }),
    tagging: Some(TAGGING),
};

pub(super) struct Organization;

const ORGANIZATION: [Property; 1] = [optional("FeatureSet")];

impl Provider for Organization {
    fn kind(&self) -> &'static str {
        "AWS::Organizations::Organization"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("organizations", "CreateOrganization"))
    }

    fn properties(&self) -> &'static [Property] {
        &ORGANIZATION
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = match work.call("organizations", "DescribeOrganization", json!({})).await {
                Err(fault) if fault.code == "AWSOrganizationsNotInUseException" => return Ok(None),
                shown => seen(shown)?.unwrap_or_default(),
            };
            let roots = work.call("organizations", "ListRoots", json!({})).await?;
            let root = list(roots.get("Roots")).first().map(|root| text(root.get("Id"))).unwrap_or_default();
            // An organization has no tags: its root tells whose it is.
            let ours = finders::is_marked_in_organization(work, &root).await?;
            Ok(ours.then(|| work.made(text(shown.pointer("/Organization/Id")), Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = match work.call("organizations", "DescribeOrganization", json!({})).await {
                Err(fault) if fault.code == "AWSOrganizationsNotInUseException" => return Ok(None),
                shown => seen(shown)?,
            };
            let organization = shown.and_then(|shown| shown.get("Organization").cloned()).unwrap_or_default();
            let is_it = text(organization.get("Id")) == of.id;
            Ok(is_it.then(|| properties(json!({ "FeatureSet": organization.get("FeatureSet") }))))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = Value::Object(work.pick(&["FeatureSet"]));
            let answer = work.call("organizations", "CreateOrganization", input).await?;
            let organization = answer.get("Organization").cloned().unwrap_or_default();
            let id = text(organization.get("Id"));
            let mut made = work.made(&id, Value::Null);
            let roots = work.call("organizations", "ListRoots", json!({})).await;
            let roots = roots.map_err(|fault| Failure::from(fault).after(&made))?;
            let root = list(roots.get("Roots")).first().and_then(|root| root.get("Id").cloned());
            let attributes = json!({
                "Arn": organization.get("Arn"),
                "Id": id,
                "ManagementAccountArn": organization.get("MasterAccountArn"),
                "ManagementAccountEmail": organization.get("MasterAccountEmail"),
                "ManagementAccountId": organization.get("MasterAccountId"),
                "RootId": root,
            });
            made.attributes = attributes.as_object().cloned().unwrap_or_else(Map::new);
            Ok(made)
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async {
            Err(Failure::new("The feature set of an organization cannot be changed here.").untouched())
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            // There is one organization at most: whether it is this one has to be seen first.
            if self.read(work, old).await?.is_none() {
                return Ok(());
            }
            work.call("organizations", "DeleteOrganization", json!({})).await?;
            Ok(())
        })
    }
}
