//! What an operation asks leave for: actions, resources, resource policies, condition keys.
//!
//! An access function reads names out of the input and looks up resource policies and tags: in [`AccessRequest::records`],
//! so that the call's work finds them as they were, or is decided anew. It never decides, and it never reports that something
//! does not exist: absence is only told by the handler, after the decision.

use base::{AccountId, Region, Timestamp};
use identity::Principal;
use policy::Policy;
use store::Read;

use crate::abroad::Alone;
use crate::call::Source;

/// What an access function may look at.
pub struct AccessRequest<'a, I> {
    /// The validated input.
    pub input: &'a I,
    /// Who calls.
    pub principal: &'a Principal,
    /// The account in which the call acts: the caller's own, unless a resource names another.
    pub account: AccountId,
    /// The region in which the call acts.
    pub region: &'a Region,
    /// When the call arrived.
    pub now: Timestamp,
    /// Where the call came from.
    pub source: &'a Source,
    /// What is stored. What is read here is the ground of the decision: see [`ground`](crate::ground).
    pub records: &'a dyn Read,
    pub(crate) alone: Option<&'a Alone<'a>>,
}

impl<I> AccessRequest<'_, I> {
    /// Whether to look at what this account has; where not, the answer is to be as if it had nothing. [`Self::records`] knows
    /// it by itself where keys begin with the account: this is for what stands elsewhere, in memory for example.
    // SECURITY: the caller's side is taken alone first, so that the time until a refusal tells nothing of what is there.
    pub fn sees(&self, account: AccountId) -> bool {
        self.alone.is_none_or(|alone| alone.sees(account))
    }
}

/// The leave that an operation needs: every check must be granted.
#[derive(Debug, Default)]
pub struct Access {
    checks: Vec<Check>,
    open: Option<&'static str>,
}

/// One decision that policy has to take.
#[derive(Debug)]
pub struct Check {
    /// The IAM action, for example `dynamodb:GetItem`.
    pub action: &'static str,
    /// The ARN of the target, or `*` for actions without one.
    pub resource: String,
    /// What a refusal calls the target instead of its ARN, where the ARN tells more than the caller said.
    pub told_as: Option<String>,
    /// The account that owns the target; `None` where it is the account of the call.
    pub resource_account: Option<AccountId>,
    /// The policy attached to the target, if it has one.
    pub resource_policy: Option<Policy>,
    /// True where the target is a role to be assumed: without a trust policy nobody may, whatever else allows it.
    pub is_trust: bool,
    /// True where only the resource's policy opens it, even to its own account, as for KMS keys.
    pub resource_decides: bool,
    /// The id of a grant by which the resource's owner gave this very caller leave for this very action.
    pub grant: Option<String>,
    /// Condition keys that only this service knows, with their values; an empty list is a key without values.
    pub context: Vec<(String, Vec<String>)>,
    /// Another leave that suffices in the place of this one.
    pub or: Option<Box<Check>>,
    /// The whole message of a refusal, where AWS's is not the usual sentence.
    pub refused_as: Option<String>,
}

impl Access {
    /// Leave for one action on one resource.
    pub fn to(action: &'static str, resource: impl Into<String>) -> Self {
        let check = Check {
            action,
            resource: resource.into(),
            told_as: None,
            resource_account: None,
            resource_policy: None,
            is_trust: false,
            resource_decides: false,
            grant: None,
            context: Vec::new(),
            or: None,
            refused_as: None,
        };
        Self { checks: vec![check], open: None }
    }

    /// No policy is asked, because of `reason`; the caller is still authenticated, throttled and recorded.
    // SECURITY: every use is listed by `cargo xtask coverage`, and needs its reason.
    pub fn open(reason: &'static str) -> Self {
        Self { checks: Vec::new(), open: Some(reason) }
    }

    /// Adds further leave that is needed as well, for example `iam:PassRole`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.checks.extend(other.checks);
        self
    }

    /// Adds leave to tag what the request makes, where it brings tags: `action` on `resource`, with the tags as its keys.
    // SECURITY: what does not exist yet has no tags and no policy; one of the same name lends it none.
    #[must_use]
    pub fn and_tags<'t>(
        self,
        action: &'static str,
        resource: impl Into<String>,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Self {
        let mut tags = tags.into_iter().peekable();
        if tags.peek().is_none() { self } else { self.and(Self::to(action, resource).request_tags(tags)) }
    }

    /// The one check of `other` suffices in the place of the last one; a refusal is told of the last one.
    #[must_use]
    pub fn or(mut self, mut other: Self) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.or = other.checks.pop().map(Box::new);
        }
        self
    }

    /// The whole message of a refusal of the last check, where AWS's is not the usual sentence.
    #[must_use]
    pub fn refused_as(mut self, message: impl Into<String>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.refused_as = Some(message.into());
        }
        self
    }

    /// The policy attached to the target of the last check.
    #[must_use]
    pub fn resource_policy(mut self, policy: Option<Policy>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.resource_policy = policy;
        }
        self
    }

    /// The policy attached to the target of the last check, without which nobody may, its own account included: that
    /// of a KMS key. `grant` is the id of a grant that gives this caller leave for this action.
    #[must_use]
    pub fn key_policy(mut self, policy: Option<Policy>, grant: Option<String>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.resource_policy = policy;
            check.resource_decides = true;
            check.grant = grant;
        }
        self
    }

    /// Leave for the last check that the target's owner gave outside of any policy, under this name; where it is `None`,
    /// nobody may, whatever else allows it.
    #[must_use]
    pub fn granted(self, grant: Option<String>) -> Self {
        self.key_policy(None, grant)
    }

    /// The trust policy of the role that is the target of the last check; `None` where there is no such role.
    #[must_use]
    pub fn trust_policy(mut self, policy: Option<Policy>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.resource_policy = policy;
            check.is_trust = true;
        }
        self
    }

    /// What a refusal calls the target of the last check, in the caller's own words.
    // SECURITY: an ARN that was looked up tells by its form that there is something behind it.
    #[must_use]
    pub fn told_as(mut self, name: impl Into<String>) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.told_as = Some(name.into());
        }
        self
    }

    /// The account that owns the target of the last check.
    #[must_use]
    pub fn owned_by(mut self, account: AccountId) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.resource_account = Some(account);
        }
        self
    }

    /// A condition key of the last check, with all of its values.
    #[must_use]
    pub fn when(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        if let Some(check) = self.checks.last_mut() {
            check.context.push((key.into(), values.into_iter().map(Into::into).collect()));
        }
        self
    }

    /// `aws:ResourceTag/…` of the last check's target.
    #[must_use]
    pub fn resource_tags<'t>(self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        tags.into_iter()
            .fold(self, |access, (key, value)| access.when(format!("aws:ResourceTag/{key}"), [value]))
    }

    /// `aws:RequestTag/…` and `aws:TagKeys` of the last check.
    #[must_use]
    pub fn request_tags<'t>(self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut keys = Vec::new();
        let access = tags.into_iter().fold(self, |access, (key, value)| {
            keys.push(key.to_owned());
            access.when(format!("aws:RequestTag/{key}"), [value])
        });
        if keys.is_empty() { access } else { access.when("aws:TagKeys", keys) }
    }

    /// The same as those of another access's first check: for further leave that one request takes.
    #[must_use]
    pub fn request_tags_of(mut self, other: &Self) -> Self {
        let first = other.checks.first().into_iter().flat_map(|check| &check.context);
        let tags = first.filter(|(key, _)| key == "aws:TagKeys" || key.starts_with("aws:RequestTag/"));
        if let Some(check) = self.checks.last_mut() {
            check.context.extend(tags.cloned());
        }
        self
    }

    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }
}
