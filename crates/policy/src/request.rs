//! What is asked: who wants to do what to which resource, under which circumstances.
//!
//! It looks nothing up: the caller resolved the principal, the resource's ARN and its owner before.

use crate::context::Context;
use crate::pattern::Variables;

/// The kinds of callers that policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// An account's root user.
    Root,
    /// An IAM user.
    User,
    /// A session of an IAM role.
    AssumedRole,
    /// A federated user, or an identity provider's token on its way into a role.
    Federated,
    /// An AWS service.
    Service,
    /// No one: an unsigned request.
    Anonymous,
}

/// The user behind a federated user's session.
#[derive(Clone, Copy, Debug)]
pub struct Lender<'a> {
    /// The user's ARN.
    pub arn: &'a str,
    /// The user's unique id (`AIDA…`).
    pub user_id: &'a str,
}

/// The caller, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalView<'a> {
    /// What kind of caller this is.
    pub kind: PrincipalKind,
    /// The caller's ARN: user, `…:root`, `arn:aws:sts::…:assumed-role/role/session`; a federated provider's ARN or name;
    /// empty for services and anonymous callers.
    pub arn: &'a str,
    /// The account the caller belongs to; empty for services and anonymous callers.
    pub account: &'a str,
    /// For a role's session: the role's own ARN, path included.
    pub role_arn: Option<&'a str>,
    /// For a federated user: the user who lends its rights. What names that user is about this session, too, as what names a
    /// role is about the role's.
    pub lender: Option<Lender<'a>>,
    /// For a service: its principal name, for example `apigateway.amazonaws.com`.
    pub service: Option<&'a str>,
    /// The unique id (`AIDA…`, `AROA…:session`, or the account id of a root user).
    pub user_id: &'a str,
}

/// One question to the policies.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: PrincipalView<'a>,
    /// The action, for example `dynamodb:GetItem`. Case does not matter.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions that have none.
    pub resource: &'a str,
    /// The account that owns the resource. Where it is not the caller's, both sides must allow.
    pub resource_account: &'a str,
    /// All further condition keys.
    pub context: &'a Context,
}

/// The values of one condition key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'a> {
    One(&'a str),
    Many(&'a [String]),
}

impl<'a> Values<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        let (one, many) = match self {
            Self::One(value) => (Some(value), [].as_slice()),
            Self::Many(values) => (None, values),
        };
        one.into_iter().chain(many.iter().map(String::as_str))
    }

    pub(crate) const fn len(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(values) => values.len(),
        }
    }

    /// An absent key and one whose every value is empty are the same to set operators and `Null`.
    pub(crate) fn is_missing(self) -> bool {
        self.iter().all(str::is_empty)
    }
}

impl<'a> PrincipalView<'a> {
    /// The part of `arn:aws:iam::1:user/path/name` behind the last slash.
    fn user_name(self) -> Option<&'a str> {
        match self.kind {
            PrincipalKind::User => self.arn.rsplit('/').next(),
            _ => None,
        }
    }

    /// The value of `aws:PrincipalType`.
    const fn type_name(self) -> Option<&'static str> {
        match self.kind {
            PrincipalKind::Root => Some("Account"),
            PrincipalKind::User => Some("User"),
            PrincipalKind::AssumedRole => Some("AssumedRole"),
            PrincipalKind::Federated => Some("FederatedUser"),
            PrincipalKind::Anonymous => Some("Anonymous"),
            PrincipalKind::Service => None,
        }
    }

    /// The value of `aws:PrincipalArn`: for a session, its role's ARN.
    fn principal_arn(self) -> &'a str {
        self.role_arn.unwrap_or(self.arn)
    }
}

/// The condition keys that follow from the principal and the resource, in lower case.
const DERIVED: [&str; 8] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principaltype",
    "aws:resourceaccount",
    "aws:userid",
    "aws:username",
];

impl<'a> Request<'a> {
    /// The values of a key, given in lower case.
    // SECURITY: keys that follow from the authenticated principal never come from the context, not even where the
    // principal has no value for them: a context must not be able to give a caller another name. One that is supposed has
    // no caller.
    pub(crate) fn values(&self, key: &str) -> Values<'a> {
        if !DERIVED.contains(&key) {
            return Values::Many(self.context.values(key));
        }
        if self.context.is_supposed()
            && let values @ [_, ..] = self.context.values(key)
        {
            return Values::Many(values);
        }
        match self.derived(key).filter(|value| !value.is_empty()) {
            Some(value) => Values::One(value),
            None => Values::Many(&[]),
        }
    }

    fn derived(&self, key: &str) -> Option<&'a str> {
        let principal = self.principal;
        let is_service = principal.kind == PrincipalKind::Service;
        match key {
            "aws:principalaccount" => Some(principal.account),
            "aws:principalarn" => Some(principal.principal_arn()),
            "aws:principalisawsservice" => Some(if is_service { "true" } else { "false" }),
            "aws:principalservicename" => principal.service.filter(|_| is_service),
            "aws:principaltype" => principal.type_name(),
            "aws:resourceaccount" => Some(self.resource_account),
            "aws:userid" => Some(principal.user_id),
            "aws:username" => principal.user_name(),
            _ => None,
        }
    }
}

impl Variables for Request<'_> {
    fn variable(&self, key: &str) -> Option<&str> {
        match self.values(key) {
            Values::One(value) => Some(value),
            Values::Many([value]) => Some(value),
            Values::Many(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> PrincipalView<'static> {
        PrincipalView {
            lender: None,
            kind: PrincipalKind::User,
            arn: "arn:aws:iam::111111111111:user/team/ana",
            account: "111111111111",
            role_arn: None,
            service: None,
            user_id: "AIDAEXAMPLE",
        }
    }

    #[test]
    fn a_context_cannot_rename_the_principal() {
        let context = Context::new()
            .with("aws:username", "root")
            .with("AWS:PrincipalServiceName", "lambda.amazonaws.com")
            .with("aws:SourceIp", "1.2.3.4");
        let request = Request {
            principal: user(),
            action: "a:B",
            resource: "*",
            resource_account: "111111111111",
            context: &context,
        };
        assert_eq!(request.variable("aws:username"), Some("ana"));
        assert_eq!(request.variable("aws:principalservicename"), None);
        assert_eq!(request.variable("aws:sourceip"), Some("1.2.3.4"));
        assert_eq!(request.variable("aws:principaltype"), Some("User"));
    }

    #[test]
    fn what_is_supposed_of_a_principal_goes_before_what_it_is() {
        let context = Context::supposed().with("aws:UserName", "root");
        let request = Request {
            principal: user(),
            action: "a:B",
            resource: "*",
            resource_account: "111111111111",
            context: &context,
        };
        assert_eq!(request.variable("aws:username"), Some("root"));
        assert_eq!(request.variable("aws:principaltype"), Some("User"));
    }
}
