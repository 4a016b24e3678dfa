//! Which policies of a user, group or role grant anything of a service.
//!
//! It tells where a grant comes from, not how far it reaches.

use std::sync::Arc;

use base::AccountId;
use identity::records::{GroupRecord, InlinePolicy, RoleRecord, UserRecord};
use policy::PolicyKind;
use service::Permit;

use super::attached::path_and_name;
use super::simulate::entity_name;
use crate::{Error, Iam, api, entity, granting};

/// Whose policies: `USER` and a name.
type Owner<'a> = (&'static str, &'a str);

struct Granting(Vec<(api::PolicyGrantingServiceAccess, std::collections::BTreeSet<String>)>);

impl Granting {
    fn add(
        &mut self,
        iam: &Iam,
        account: AccountId,
        (kind, owner): Owner<'_>,
        inline: &[InlinePolicy],
        attached: &[String],
    ) -> Result<(), Error> {
        for policy in inline {
            let shown = api::PolicyGrantingServiceAccess {
                policy_name: policy.name.clone(),
                policy_type: "INLINE".to_owned(),
                policy_arn: None,
                entity_type: Some(kind.to_owned()),
                entity_name: Some(owner.to_owned()),
            };
            self.0.push((shown, granting::namespaces(&policy.document)));
        }
        for arn in attached {
            let found = iam.directory.managed_policy(account, arn, PolicyKind::Identity)?;
            let found = found.ok_or_else(|| Error::no_such_policy(arn))?;
            let shown = api::PolicyGrantingServiceAccess {
                policy_name: path_and_name(arn).1.to_owned(),
                policy_type: "MANAGED".to_owned(),
                policy_arn: Some(arn.clone()),
                entity_type: None,
                entity_name: None,
            };
            self.0.push((shown, granting::namespaces(found.text())));
        }
        Ok(())
    }
}

pub(crate) async fn list(
    iam: Arc<Iam>,
    permit: Permit<api::ListPoliciesGrantingServiceAccess>,
) -> Result<api::ListPoliciesGrantingServiceAccessResponse, Error> {
    let Permit { input, call, .. } = permit;
    let account = call.account();
    let view = call.view()?;
    let (kind, name) = entity_name(account, &input.arn)?;
    let mut all = Granting(Vec::new());
    match kind.as_str() {
        "user" => {
            let user: UserRecord = entity::load(&view, account, &name)?;
            all.add(&iam, account, ("USER", &name), &user.inline, &user.attached)?;
            for group in &user.groups {
                let group: GroupRecord = entity::load(&view, account, group)?;
                all.add(&iam, account, ("GROUP", &group.name), &group.inline, &group.attached)?;
            }
        }
        "group" => {
            let group: GroupRecord = entity::load(&view, account, &name)?;
            all.add(&iam, account, ("GROUP", &name), &group.inline, &group.attached)?;
        }
        "role" => {
            let role: RoleRecord = entity::load(&view, account, &name)?;
            all.add(&iam, account, ("ROLE", &name), &role.inline, &role.attached)?;
        }
        _ => return Err(Error::InvalidInput(format!("{} is not a user, a group or a role.", input.arn))),
    }
    let entries = input.service_namespaces.into_iter().map(|namespace| {
        let policies = all.0.iter().filter(|(_, granted)| granted.contains(&namespace));
        api::ListPoliciesGrantingServiceAccessEntry {
            policies: Some(policies.map(|(policy, _)| policy.clone()).collect()),
            service_namespace: Some(namespace),
        }
    });
    Ok(api::ListPoliciesGrantingServiceAccessResponse {
        policies_granting_service_access: entries.collect(),
        is_truncated: Some(false),
        marker: None,
    })
}
