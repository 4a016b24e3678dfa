//! The policy simulator: of given policies, and of a user, group or role.
//!
//! Both ask the evaluator that decides real calls; neither changes anything. They work in turns, off the threads that answer:
//! how long it takes, the caller writes.

use std::sync::Arc;

use base::{AccountId, Arn};
use identity::records::{GroupRecord, InlinePolicy, RoleRecord, UserRecord};
use policy::{Context, NamedPolicy, Policy, PolicyKind, PrincipalKind, PrincipalView};
use protocol::Operation;
use service::Permit;

use super::attached::path_and_name;
use crate::page::Paging;
use crate::simulate::{Simulation, Source, Spent, context_keys, named};
use crate::{Error, Iam, api, entity};

/// Actions times resources in one request.
const QUESTIONS_MAX: usize = 10_000;

/// What a simulation asks, however the policies were found.
struct Asked {
    operation: &'static str,
    actions: Vec<String>,
    resources: Option<Vec<String>>,
    resource_policy: Option<String>,
    owner: Option<String>,
    caller_arn: Option<String>,
    context: Option<Vec<api::ContextEntry>>,
    paging: Paging,
}

/// Whose policies are simulated, as conditions see it.
#[derive(Clone)]
struct Subject {
    kind: PrincipalKind,
    arn: String,
    account: String,
    role_arn: Option<String>,
    user_id: String,
    tags: Vec<(String, String)>,
}

impl Subject {
    fn nobody(account: AccountId) -> Self {
        let account = account.to_string();
        let (arn, user_id) = (String::new(), String::new());
        Self { kind: PrincipalKind::User, arn, account, role_arn: None, user_id, tags: Vec::new() }
    }

    fn view(&self) -> PrincipalView<'_> {
        PrincipalView {
            lender: None,
            kind: self.kind,
            arn: &self.arn,
            account: &self.account,
            role_arn: self.role_arn.as_deref(),
            service: None,
            user_id: &self.user_id,
        }
    }
}

/// The policies of a user, group or role, under the ids by which results name them.
pub(super) struct Sources {
    pub(super) identity: Vec<Source>,
    boundary: Option<Source>,
}

fn parsed(text: &str, kind: PolicyKind) -> Result<Policy, Error> {
    Policy::parse(text, kind).map_err(|error| Error::InvalidInput(error.to_string()))
}

fn given(texts: &[String], list: &str, kind: PolicyKind) -> Result<Vec<Source>, Error> {
    let each = texts.iter().enumerate();
    each.map(|(at, text)| Ok(Source::new(format!("{list}.{}", at + 1), parsed(text, kind)?))).collect()
}

fn given_boundary(texts: Option<&Vec<String>>) -> Result<Option<Source>, Error> {
    let texts = texts.map(Vec::as_slice).unwrap_or_default();
    if texts.len() > 1 {
        return Err(Error::InvalidInput("Only one permissions boundary can be in force.".to_owned()));
    }
    Ok(given(texts, "PermissionsBoundaryPolicyInputList", PolicyKind::Boundary)?.pop())
}

impl Sources {
    fn add(
        &mut self,
        iam: &Iam,
        account: AccountId,
        (noun, name): (&str, &str),
        inline: &[InlinePolicy],
        attached: &[String],
    ) -> Result<(), Error> {
        for policy in inline {
            let id = format!("{noun}_{name}_{}", policy.name);
            self.identity.push(Source::new(id, parsed(&policy.document, PolicyKind::Identity)?));
        }
        for arn in attached {
            self.identity.push(managed(iam, account, arn, PolicyKind::Identity)?);
        }
        Ok(())
    }
}

fn managed(iam: &Iam, account: AccountId, arn: &str, kind: PolicyKind) -> Result<Source, Error> {
    let policy = iam.directory.managed_policy(account, arn, kind)?;
    let policy = policy.ok_or_else(|| Error::no_such_policy(arn))?;
    Ok(Source::new(path_and_name(arn).1, policy))
}

/// The kind and name in the ARN of a user, group or role of this account.
pub(super) fn entity_name(account: AccountId, arn: &str) -> Result<(String, String), Error> {
    let invalid = || {
        Error::InvalidInput(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))
    };
    let parsed: Arn = arn.parse().map_err(|_| invalid())?;
    let (kind, rest) = parsed.resource.split_once('/').ok_or_else(invalid)?;
    let name = rest.rsplit('/').next().filter(|name| !name.is_empty()).ok_or_else(invalid)?;
    if parsed.service != "iam" || parsed.account != account.as_str() {
        return Err(invalid());
    }
    Ok((kind.to_owned(), name.to_owned()))
}

/// What a user, group or role may do, and who it is.
fn of_entity(iam: &Iam, account: AccountId, arn: &str) -> Result<(Subject, Sources), Error> {
    let view = iam.directory.store().snapshot()?;
    let (kind, name) = entity_name(account, arn)?;
    let mut sources = Sources { identity: Vec::new(), boundary: None };
    let bound = |boundary: Option<&String>| {
        boundary.map(|arn| managed(iam, account, arn, PolicyKind::Boundary)).transpose()
    };
    let mut subject = Subject::nobody(account);
    match kind.as_str() {
        "user" => {
            let user: UserRecord = entity::load(&view, account, &name)?;
            sources.add(iam, account, ("user", &name), &user.inline, &user.attached)?;
            for group in &user.groups {
                let group: GroupRecord = entity::load(&view, account, group)?;
                sources.add(iam, account, ("group", &group.name), &group.inline, &group.attached)?;
            }
            sources.boundary = bound(user.boundary.as_ref())?;
            subject.arn = entity::Entity::arn(&user, account);
            subject.user_id = user.user_id;
            subject.tags = user.tags;
        }
        "group" => {
            let group: GroupRecord = entity::load(&view, account, &name)?;
            sources.add(iam, account, ("group", &name), &group.inline, &group.attached)?;
        }
        "role" => {
            let role: RoleRecord = entity::load(&view, account, &name)?;
            sources.add(iam, account, ("role", &name), &role.inline, &role.attached)?;
            sources.boundary = bound(role.boundary.as_ref())?;
            subject.kind = PrincipalKind::AssumedRole;
            subject.role_arn = Some(entity::Entity::arn(&role, account));
            subject.arn = format!("arn:aws:sts::{account}:assumed-role/{name}/simulation");
            subject.user_id = format!("{}:simulation", role.role_id);
            subject.tags = role.tags;
        }
        _ => return Err(Error::InvalidInput(format!("{arn} is not a user, a group or a role."))),
    }
    Ok((subject, sources))
}

/// All identity policies of a user, group or role, for whom asks what grants what.
pub(super) fn policies_of(iam: &Iam, account: AccountId, arn: &str) -> Result<Vec<Source>, Error> {
    Ok(of_entity(iam, account, arn)?.1.identity)
}

/// Another caller than the entity itself: a user's ARN.
fn caller(iam: &Iam, account: AccountId, arn: &str) -> Result<Subject, Error> {
    let parsed: Option<Arn> = arn.parse().ok();
    let is_user = |arn: &Arn| arn.service == "iam" && arn.resource.starts_with("user/");
    let parsed = parsed.filter(is_user).ok_or_else(|| {
        Error::InvalidInput(format!("Invalid caller ARN: {arn}. It must be the ARN of an IAM user."))
    })?;
    if parsed.account == account.as_str() {
        return Ok(of_entity(iam, account, arn)?.0);
    }
    let mut other = Subject::nobody(account);
    (other.arn, other.account) = (arn.to_owned(), parsed.account);
    Ok(other)
}

fn context(subject: &Subject, entries: Option<Vec<api::ContextEntry>>) -> Result<Context, Error> {
    let mut context = Context::supposed();
    for entry in entries.into_iter().flatten() {
        let (Some(name), Some(kind)) = (entry.context_key_name, entry.context_key_type) else {
            return Err(Error::InvalidInput("A context entry needs a name and a type.".to_owned()));
        };
        let values = entry.context_key_values.unwrap_or_default();
        if !kind.ends_with("List") && values.len() > 1 {
            return Err(Error::InvalidInput(format!("The context key {name} has more than one value.")));
        }
        for value in values {
            context.add(name.clone(), value);
        }
    }
    for (key, value) in &subject.tags {
        let name = format!("aws:PrincipalTag/{key}");
        if context.values(&name).is_empty() {
            context.add(name, value.clone());
        }
    }
    Ok(context)
}

fn owner(asked: &Asked, subject: &Subject) -> Result<String, Error> {
    let Some(owner) = &asked.owner else { return Ok(subject.account.clone()) };
    let account = owner.parse::<Arn>().map_or_else(|_| owner.clone(), |arn| arn.account);
    let parsed: Result<AccountId, _> = account.parse();
    parsed
        .map(|account| account.to_string())
        .map_err(|_| Error::InvalidInput(format!("Invalid resource owner: {owner} is not an account.")))
}

/// What tells the pages of these questions from those of others.
fn listing(operation: &str, actions: &[String], resources: &[String]) -> String {
    let hash = crypto::sha256(format!("{:?}", (operation, actions, resources)).as_bytes());
    hex::encode(hash.get(..8).unwrap_or(&hash))
}

fn answer(
    asked: Asked,
    subject: &Subject,
    sources: &Sources,
    service_control: &[&[NamedPolicy]],
) -> Result<api::SimulatePolicyResponse, Error> {
    if asked.resource_policy.is_some() && subject.arn.is_empty() {
        return Err(Error::InvalidInput(
            "The CallerArn parameter is required when a ResourcePolicy is simulated.".to_owned(),
        ));
    }
    let resource = match &asked.resource_policy {
        Some(text) => {
            let policy = parsed(text, PolicyKind::Resource)
                .or_else(|error| parsed(text, PolicyKind::Trust).map_err(|_| error))?;
            Some(Source::new("ResourcePolicy", policy))
        }
        None => None,
    };
    let owner = owner(&asked, subject)?;
    let context = context(subject, asked.context)?;
    let resources = asked.resources.filter(|list| !list.is_empty()).unwrap_or_else(|| vec!["*".to_owned()]);
    if asked.actions.len().saturating_mul(resources.len()) > QUESTIONS_MAX {
        return Err(Error::InvalidInput(format!("More than {QUESTIONS_MAX} simulations in one request.")));
    }
    for action in &asked.actions {
        if !action.contains(':') {
            return Err(Error::InvalidInput(format!("Invalid action name: {action}.")));
        }
    }
    if let Some(bad) = resources.iter().find(|arn| *arn != "*" && !arn.starts_with("arn:")) {
        return Err(Error::InvalidInput(format!("Invalid resource ARN: {bad}.")));
    }
    let simulation = Simulation {
        caller: subject.view(),
        owner: &owner,
        context: &context,
        identity: &sources.identity,
        boundary: sources.boundary.as_ref(),
        resource: resource.as_ref(),
        service_control,
    };
    let pairs = asked.actions.iter().flat_map(|action| resources.iter().map(move |on| (action, on)));
    let listing = listing(asked.operation, &asked.actions, &resources);
    let mut spent = Spent::nothing(&simulation);
    spent.check(&resources)?;
    let named = named(&sources.identity);
    let page = asked.paging.made(&listing, pairs, |(action, on)| {
        let result = simulation.result(&named, action, on);
        let goes_on = spent.goes_on_after(&result);
        (result, goes_on)
    })?;
    Ok(api::SimulatePolicyResponse {
        evaluation_results: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// Works when it is the account's turn.
async fn in_turn<O: Operation, T: Send + 'static>(
    iam: Arc<Iam>,
    permit: Permit<O>,
    work: fn(&Iam, AccountId, O::Input) -> Result<T, Error>,
) -> Result<T, Error> {
    let Permit { input, call, .. } = permit;
    let (account, turns) = (call.account(), iam.simulations.clone());
    turns.take(account, move || work(&iam, account, input)).await
}

pub(crate) async fn custom(
    iam: Arc<Iam>,
    permit: Permit<api::SimulateCustomPolicy>,
) -> Result<api::SimulatePolicyResponse, Error> {
    in_turn(iam, permit, of_given).await
}

fn of_given(
    iam: &Iam,
    account: AccountId,
    input: api::SimulateCustomPolicyRequest,
) -> Result<api::SimulatePolicyResponse, Error> {
    let sources = Sources {
        identity: given(&input.policy_input_list, "PolicyInputList", PolicyKind::Identity)?,
        boundary: given_boundary(input.permissions_boundary_policy_input_list.as_ref())?,
    };
    let subject = match &input.caller_arn {
        Some(arn) => caller(iam, account, arn)?,
        None => Subject::nobody(account),
    };
    let asked = Asked {
        operation: api::SimulateCustomPolicy::NAME,
        actions: input.action_names,
        resources: input.resource_arns,
        resource_policy: input.resource_policy,
        owner: input.resource_owner,
        caller_arn: input.caller_arn,
        context: input.context_entries,
        paging: Paging::new(input.marker, input.max_items),
    };
    answer(asked, &subject, &sources, &[])
}

pub(crate) async fn principal(
    iam: Arc<Iam>,
    permit: Permit<api::SimulatePrincipalPolicy>,
) -> Result<api::SimulatePolicyResponse, Error> {
    in_turn(iam, permit, of_principal).await
}

fn of_principal(
    iam: &Iam,
    account: AccountId,
    input: api::SimulatePrincipalPolicyRequest,
) -> Result<api::SimulatePolicyResponse, Error> {
    let (mut subject, mut sources) = of_entity(iam, account, &input.policy_source_arn)?;
    let more = input.policy_input_list.unwrap_or_default();
    sources.identity.extend(given(&more, "PolicyInputList", PolicyKind::Identity)?);
    if let Some(boundary) = given_boundary(input.permissions_boundary_policy_input_list.as_ref())? {
        sources.boundary = Some(boundary);
    }
    let asked = Asked {
        operation: api::SimulatePrincipalPolicy::NAME,
        actions: input.action_names,
        resources: input.resource_arns,
        resource_policy: input.resource_policy,
        owner: input.resource_owner,
        caller_arn: input.caller_arn,
        context: input.context_entries,
        paging: Paging::new(input.marker, input.max_items),
    };
    // Whose policies they are decides what binds them, whoever is said to call.
    let is_service_linked =
        subject.role_arn.as_ref().is_some_and(|arn| arn.contains(":role/aws-service-role/"));
    let governance = iam.directory.governance(account)?;
    if let Some(arn) = &asked.caller_arn {
        subject = caller(iam, account, arn)?;
    }
    answer(asked, &subject, &sources, &governance.service_control_of(is_service_linked))
}

fn keys_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> api::GetContextKeysForPolicyResponse {
    let mut keys: Vec<String> = texts.into_iter().flat_map(context_keys).collect();
    keys.sort();
    keys.dedup();
    api::GetContextKeysForPolicyResponse { context_key_names: Some(keys) }
}

pub(crate) async fn custom_keys(
    iam: Arc<Iam>,
    permit: Permit<api::GetContextKeysForCustomPolicy>,
) -> Result<api::GetContextKeysForPolicyResponse, Error> {
    in_turn(iam, permit, keys_of_given).await
}

fn keys_of_given(
    _: &Iam,
    _: AccountId,
    input: api::GetContextKeysForCustomPolicyRequest,
) -> Result<api::GetContextKeysForPolicyResponse, Error> {
    let texts = input.policy_input_list;
    let sources = given(&texts, "PolicyInputList", PolicyKind::Identity)?;
    Ok(keys_of(sources.iter().map(|source| source.policy.text())))
}

pub(crate) async fn principal_keys(
    iam: Arc<Iam>,
    permit: Permit<api::GetContextKeysForPrincipalPolicy>,
) -> Result<api::GetContextKeysForPolicyResponse, Error> {
    in_turn(iam, permit, keys_of_principal).await
}

fn keys_of_principal(
    iam: &Iam,
    account: AccountId,
    input: api::GetContextKeysForPrincipalPolicyRequest,
) -> Result<api::GetContextKeysForPolicyResponse, Error> {
    let mut sources = policies_of(iam, account, &input.policy_source_arn)?;
    let more = input.policy_input_list.unwrap_or_default();
    sources.extend(given(&more, "PolicyInputList", PolicyKind::Identity)?);
    Ok(keys_of(sources.iter().map(|source| source.policy.text())))
}
