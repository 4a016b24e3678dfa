//! The condition keys that a principal brings to every decision.
//!
//! Keys that follow from who it is (`aws:PrincipalArn`, `aws:userid`, …) are derived by `policy` itself; keys of the
//! request (address, time, tags of the target) are the pipeline's.

use base::Timestamp;
use policy::Context;

use crate::principal::{AssumedRole, FederatedUser, Principal, Root, SessionOfKey, User};

/// What is known of the principal besides its name: tags, the age and strength of its session, the resource that a
/// service acts for.
pub fn of(principal: &Principal, now: Timestamp) -> Context {
    let mut context = Context::new();
    for (key, value) in tags_of(principal) {
        context.add(format!("aws:PrincipalTag/{key}"), value);
    }
    match principal {
        Principal::Root(Root { session, assumed, .. }) => {
            if let Some(session) = session {
                add_key_session(&mut context, session, now);
            }
            if let Some(assumed) = assumed {
                // As in AWS, the key is there for such sessions only, and then it is true.
                context.add("aws:AssumedRoot", "true");
                if let Some(identity) = &assumed.source_identity {
                    context.add("aws:SourceIdentity", identity.clone());
                }
            }
        }
        Principal::User(User { session, .. }) => {
            if let Some(session) = session {
                add_key_session(&mut context, session, now);
            }
        }
        Principal::AssumedRole(role) => add_role(&mut context, role, now),
        Principal::Service(service) => {
            context.add("aws:PrincipalServiceNamesList", service.name.clone());
            context.add("aws:SourceArn", service.source_arn.clone());
            context.add("aws:SourceAccount", service.source_account.as_str());
        }
        Principal::FederatedUser(user) => add_federated(&mut context, user, now),
        Principal::WebIdentity(web) => {
            add_claims(&mut context, &web.claims);
            context.add("aws:FederatedProvider", web.provider.clone());
        }
        Principal::Anonymous => {}
    }
    context
}

fn add_role(context: &mut Context, role: &AssumedRole, now: Timestamp) {
    add_session(context, role.issued_at, role.mfa, now);
    if let Some(identity) = &role.source_identity {
        context.add("aws:SourceIdentity", identity.clone());
    }
    if let Some(by) = &role.federated_by {
        add_claims(context, &by.claims);
        context.add("aws:FederatedProvider", by.provider.clone());
    }
    if let Some(function) = &role.source_function {
        context.add("lambda:SourceFunctionArn", function.clone());
    }
}

fn add_federated(context: &mut Context, user: &FederatedUser, now: Timestamp) {
    add_session(context, user.issued_at, false, now);
}

/// A principal's own tags, and those of its session, each of which stands before one of the same key.
pub fn tags_of(principal: &Principal) -> Vec<(&str, &str)> {
    let (own, session): (&[_], &[_]) = match principal {
        Principal::User(user) => (&user.tags, &[]),
        Principal::AssumedRole(role) => (&role.role_tags, &role.session_tags),
        Principal::FederatedUser(user) => (
            user.lender.as_ref().map(|lender| lender.tags.as_slice()).unwrap_or_default(),
            &user.session_tags,
        ),
        Principal::Root(_) | Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => {
            return Vec::new();
        }
    };
    let is_overridden = |key: &str| session.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
    let own = own.iter().filter(|(key, _)| !is_overridden(key));
    own.chain(session).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn add_claims(context: &mut Context, claims: &[(String, Vec<String>)]) {
    for (key, values) in claims {
        for value in values {
            context.add(key.clone(), value.clone());
        }
    }
}

fn add_key_session(context: &mut Context, session: &SessionOfKey, now: Timestamp) {
    add_session(context, session.issued_at, session.mfa, now);
}

/// These keys exist for temporary credentials only: a policy that wants a second factor must also say what it makes
/// of their absence, exactly as in AWS.
fn add_session(context: &mut Context, issued_at: Timestamp, mfa: bool, now: Timestamp) {
    context.add("aws:TokenIssueTime", issued_at.iso8601_secs());
    context.add("aws:MultiFactorAuthPresent", if mfa { "true" } else { "false" });
    if mfa {
        let age_secs = now.millis_since(issued_at).max(0) / 1_000;
        context.add("aws:MultiFactorAuthAge", age_secs.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_term_keys_have_no_session_keys() {
        let user = User::new("123456789012".parse().unwrap(), "/", "bob", "AIDAX", "AKIAX");
        let context = of(&Principal::User(user), Timestamp::default());
        assert!(context.values("aws:multifactorauthpresent").is_empty());
        assert!(context.values("aws:tokenissuetime").is_empty());
    }

    #[test]
    fn a_session_tag_stands_before_the_roles_own() {
        let mut role = AssumedRole::new("123456789012".parse().unwrap(), "/", "r", "AROAX", "s");
        role.role_tags = vec![("Team".into(), "a".into()), ("stage".into(), "prod".into())];
        role.session_tags = vec![("team".into(), "b".into())];
        role.issued_at = Timestamp::from_secs(1_440_938_160);
        let context = of(&Principal::AssumedRole(role), Timestamp::from_secs(1_440_938_161));
        assert_eq!(context.values("aws:PrincipalTag/TEAM"), ["b"]);
        assert_eq!(context.values("aws:principaltag/stage"), ["prod"]);
        assert_eq!(context.values("aws:TokenIssueTime"), ["2015-08-30T12:36:00Z"]);
        assert_eq!(context.values("aws:MultiFactorAuthPresent"), ["false"]);
    }

    #[test]
    fn a_service_names_what_it_acts_for() {
        let account = "123456789012".parse().unwrap();
        let context = of(&Principal::service("lambda.amazonaws.com", "arn:f", account), Timestamp::default());
        assert_eq!(context.values("aws:SourceArn"), ["arn:f"]);
        assert_eq!(context.values("aws:SourceAccount"), ["123456789012"]);
    }
}
