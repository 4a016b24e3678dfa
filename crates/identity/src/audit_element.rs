//! CloudTrail's `userIdentity` element: a principal as records name it.
//!
//! It says what was proven, and holds neither secret nor right.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use base::Timestamp;
use serde::Serialize;

use crate::principal::{AssumedRole, FederatedUser, Principal, Root, SessionOfKey, entity_arn, root_arn};

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<Issuer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_id_federation_data: Option<FederationData<'a>>,
    attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed_root: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FederationData<'a> {
    federated_provider: &'a str,
    attributes: std::collections::BTreeMap<&'a str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issuer<'a> {
    r#type: &'static str,
    principal_id: &'a str,
    arn: std::borrow::Cow<'a, str>,
    account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    creation_date: String,
    mfa_authenticated: &'static str,
}

impl Principal {
    /// The element as JSON; `invoked_by` is the service that called in the principal's name, where one did.
    pub fn cloudtrail_identity(&self, invoked_by: Option<&str>) -> Vec<u8> {
        let element = Element { invoked_by: invoked_by.or_else(|| self.own_service()), ..self.element() };
        serde_json::to_vec(&element).unwrap_or_default()
    }

    /// The element as the trail of another account has it: whose principal it was, and no more of it.
    pub fn foreign_cloudtrail_identity(&self, invoked_by: Option<&str>) -> Vec<u8> {
        let has_no_account = matches!(self, Self::Service(_) | Self::WebIdentity(_));
        let Some(account) = self.account().filter(|_| !has_no_account) else {
            return self.cloudtrail_identity(invoked_by);
        };
        let element = Element {
            r#type: "AWSAccount",
            principal_id: Some(self.user_id()),
            account_id: Some(account.as_str()),
            invoked_by,
            ..Element::default()
        };
        serde_json::to_vec(&element).unwrap_or_default()
    }

    fn own_service(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(&service.name),
            _ => None,
        }
    }

    fn element(&self) -> Element<'_> {
        match self {
            Self::Root(root) => Element {
                r#type: "Root",
                principal_id: Some(root.account.as_str()),
                arn: Some(self.arn()),
                account_id: Some(root.account.as_str()),
                access_key_id: Some(&root.access_key_id),
                session_context: root.session.as_ref().map(|session| of_root(root, session)),
                ..Element::default()
            },
            Self::User(user) => Element {
                r#type: "IAMUser",
                principal_id: Some(&user.user_id),
                arn: Some(self.arn()),
                account_id: Some(user.account.as_str()),
                access_key_id: Some(&user.access_key_id),
                user_name: Some(&user.name),
                session_context: user.session.as_ref().map(of_key),
                ..Element::default()
            },
            Self::AssumedRole(role) => Element {
                r#type: "AssumedRole",
                principal_id: Some(role.user_id()),
                arn: Some(self.arn()),
                account_id: Some(role.account.as_str()),
                access_key_id: Some(&role.access_key_id),
                session_context: Some(of_role(role)),
                ..Element::default()
            },
            Self::FederatedUser(user) => Element {
                r#type: "FederatedUser",
                principal_id: Some(self.user_id()),
                arn: Some(self.arn()),
                account_id: Some(user.account.as_str()),
                access_key_id: Some(&user.access_key_id),
                session_context: Some(of_federated(user)),
                ..Element::default()
            },
            Self::Service(_) => Element { r#type: "AWSService", ..Element::default() },
            Self::WebIdentity(web) => Element {
                r#type: "WebIdentityUser",
                principal_id: Some(self.user_id()),
                user_name: Some(&web.subject),
                identity_provider: Some(&web.provider),
                ..Element::default()
            },
            Self::Anonymous => Element {
                r#type: "AWSAccount",
                principal_id: Some(""),
                account_id: Some("ANONYMOUS_PRINCIPAL"),
                ..Element::default()
            },
        }
    }
}

fn of_role(role: &AssumedRole) -> SessionContext<'_> {
    SessionContext {
        session_issuer: Some(Issuer {
            r#type: "Role",
            principal_id: &role.role_id,
            arn: role.role_arn().into(),
            account_id: role.account.as_str(),
            user_name: Some(&role.role_name),
        }),
        web_id_federation_data: role.federated_by.as_ref().map(|by| FederationData {
            federated_provider: &by.provider,
            attributes: by.claims.iter().map(|(key, values)| (key.as_str(), values.join(","))).collect(),
        }),
        attributes: attributes(role.issued_at, role.mfa),
        source_identity: role.source_identity.as_deref(),
        assumed_root: None,
    }
}

fn of_federated(user: &FederatedUser) -> SessionContext<'_> {
    let account_id = user.account.as_str();
    let issuer = match &user.lender {
        Some(lender) => Issuer {
            r#type: "IAMUser",
            principal_id: &lender.user_id,
            arn: entity_arn(user.account, "user", &lender.path, &lender.name).into(),
            account_id,
            user_name: Some(&lender.name),
        },
        None => Issuer {
            r#type: "Root",
            principal_id: account_id,
            arn: root_arn(user.account).into(),
            account_id,
            user_name: None,
        },
    };
    SessionContext {
        session_issuer: Some(issuer),
        web_id_federation_data: None,
        attributes: attributes(user.issued_at, false),
        source_identity: None,
        assumed_root: None,
    }
}

fn of_key(session: &SessionOfKey) -> SessionContext<'static> {
    let attributes = attributes(session.issued_at, session.mfa);
    SessionContext {
        session_issuer: None,
        web_id_federation_data: None,
        attributes,
        source_identity: None,
        assumed_root: None,
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html>
fn of_root<'a>(root: &'a Root, session: &SessionOfKey) -> SessionContext<'a> {
    let assumed = root.assumed.as_ref();
    SessionContext {
        source_identity: assumed.and_then(|assumed| assumed.source_identity.as_deref()),
        assumed_root: assumed.map(|_| "true"),
        ..of_key(session)
    }
}

fn attributes(issued_at: Timestamp, mfa: bool) -> Attributes {
    let mfa_authenticated = if mfa { "true" } else { "false" };
    Attributes { creation_date: issued_at.iso8601_secs(), mfa_authenticated }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::principal::User;

    fn element(principal: &Principal, invoked_by: Option<&str>) -> Value {
        serde_json::from_slice(&principal.cloudtrail_identity(invoked_by)).unwrap()
    }

    #[test]
    fn a_session_names_its_role_and_the_service_in_between() {
        let account = "123456789012".parse().unwrap();
        let mut role = AssumedRole::new(account, "/", "orders", "AROAX", "s1");
        role.access_key_id = "ASIAX".into();
        role.issued_at = Timestamp::from_secs(1_440_938_160);
        role.source_identity = Some("ana".into());
        let element = element(&Principal::AssumedRole(role), Some("cloudformation.amazonaws.com"));
        assert_eq!(element["type"], "AssumedRole");
        assert_eq!(element["principalId"], "AROAX:s1");
        assert_eq!(element["sessionContext"]["sessionIssuer"]["userName"], "orders");
        assert_eq!(element["sessionContext"]["attributes"]["creationDate"], "2015-08-30T12:36:00Z");
        assert_eq!(element["sessionContext"]["sourceIdentity"], "ana");
        assert_eq!(element["invokedBy"], "cloudformation.amazonaws.com");
    }

    #[test]
    fn users_services_and_strangers_have_their_own_form() {
        let account = "123456789012".parse().unwrap();
        let user = Principal::User(User::new(account, "/", "ana", "AIDAX", "AKIAX"));
        let expected = json!({"type": "IAMUser", "principalId": "AIDAX", "userName": "ana",
            "arn": "arn:aws:iam::123456789012:user/ana", "accountId": "123456789012", "accessKeyId": "AKIAX"});
        assert_eq!(element(&user, None), expected);
        let service = Principal::service("events.amazonaws.com", "arn:x", account);
        let expected = json!({"type": "AWSService", "invokedBy": "events.amazonaws.com"});
        assert_eq!(element(&service, None), expected);
        assert_eq!(element(&Principal::Anonymous, None)["accountId"], "ANONYMOUS_PRINCIPAL");
    }
}
