//! `Auth.ResourcePolicy`: statements about accounts, addresses and networks, written into the body for every route.

use serde_json::{Map, Value};

use super::super::error::Problems;
use super::super::event::rest::wildcards;
use super::super::python::{Dict, Py, Text};
use super::super::value::{is_truthy, member, shown};
use super::{ANY_METHOD, Editor, contents, malformed};

const POLICY: &str = "x-amazon-apigateway-policy";

/// What a policy asks of networks.
#[derive(Clone, Copy)]
struct Networks {
    /// The property with plain ids, and the condition that it becomes.
    plain: &'static str,
    vpcs: &'static str,
    endpoints: &'static str,
    condition: &'static str,
    instead: &'static str,
}

const REFUSED: Networks = Networks {
    plain: "SourceVpcBlacklist",
    vpcs: "IntrinsicVpcBlacklist",
    endpoints: "IntrinsicVpceBlacklist",
    condition: "StringEquals",
    instead: "IntrinsicVpcBlacklist",
};
const ADMITTED: Networks = Networks {
    plain: "SourceVpcWhitelist",
    vpcs: "IntrinsicVpcWhitelist",
    endpoints: "IntrinsicVpceWhitelist",
    condition: "StringNotEquals",
    instead: "IntrinsicVpcWhitelist",
};

impl Editor {
    /// Writes what a policy says of one path.
    pub(in super::super) fn add_resource_policy(
        &mut self,
        policy: &Map<String, Value>,
        path: &str,
        stage: &Py,
    ) -> Result<(), Problems> {
        let resources = self.resources_of(path, stage)?;
        for (property, effect) in [("AwsAccountWhitelist", "Allow"), ("AwsAccountBlacklist", "Deny")] {
            if let Some(accounts) = member(policy, property).filter(|accounts| is_truthy(accounts)) {
                self.add_accounts(accounts, effect, &resources)?;
            }
        }
        for (property, condition) in [("IpRangeWhitelist", "NotIpAddress"), ("IpRangeBlacklist", "IpAddress")]
        {
            if let Some(ranges) = member(policy, property).filter(|ranges| is_truthy(ranges)) {
                let ranges = Py::from_template(&listed(ranges));
                let mut addresses = Dict::plain();
                addresses.set(Text::own("aws:SourceIp"), ranges);
                self.add_pair(&resources, Dict::plain().with(condition, addresses));
            }
        }
        for networks in [REFUSED, ADMITTED] {
            self.add_networks(policy, networks, &resources)?;
        }
        self.doc.set(Text::own(POLICY), self.policy.clone().into());
        Ok(())
    }

    /// Writes statements of the author's own.
    pub(in super::super) fn add_policy_statements(&mut self, statements: &Value) {
        self.begin_policy();
        let given = Py::from_template(statements);
        let all = match self.policy.get("Statement").filter(|statement| **statement != Py::None) {
            None => given,
            Some(present) => {
                let mut all = as_list(present.clone());
                for statement in as_list(given) {
                    if !all.contains(&statement) {
                        all.push(statement);
                    }
                }
                Py::List(all)
            }
        };
        self.policy.set(Text::own("Statement"), all);
        self.doc.set(Text::own(POLICY), self.policy.clone().into());
    }

    /// The routes of a path, as a policy's resources.
    fn resources_of(&mut self, path: &str, stage: &Py) -> Result<Vec<Py>, Problems> {
        let mut resources = Vec::new();
        let Some(item) = self.path_mut(path) else { return Ok(resources) };
        for content in contents(item) {
            for method in content.as_dict().ok_or_else(|| malformed(path))?.keys() {
                let any = method.eq_ignore_ascii_case(ANY_METHOD) || method.eq_ignore_ascii_case("any");
                let method = if any { "*".to_owned() } else { method.to_uppercase() };
                let resource =
                    Text::template(format!("execute-api:/${{__Stage__}}/{method}{}", wildcards(path)));
                let mut variables = Dict::plain();
                variables.set(Text::own("__Stage__"), stage.clone());
                let parts = Py::List(vec![resource.into(), variables.into()]);
                resources.push(Dict::plain().with("Fn::Sub", parts).into());
            }
        }
        Ok(resources)
    }

    fn begin_policy(&mut self) {
        self.policy.set(Text::own("Version"), "2012-10-17".into());
    }

    fn add_accounts(&mut self, accounts: &Value, effect: &str, resources: &[Py]) -> Result<(), Problems> {
        if !accounts.is_array() && !accounts.is_object() {
            let shown = shown(accounts);
            return Err(Problems::structure(format_args!("Type of '{shown}' must be a list or dictionary")));
        }
        self.begin_policy();
        let mut principal = Dict::hashed();
        principal.set(Text::own("AWS"), Py::from_template(&listed(accounts)));
        let mut statement = statement(effect, resources);
        statement.set(Text::own("Principal"), principal.into());
        let all = match self.policy.get("Statement").filter(|present| **present != Py::None) {
            None => statement.into(),
            Some(present) => {
                let mut all = as_list(present.clone());
                all.push(statement.into());
                Py::List(all)
            }
        };
        self.policy.set(Text::own("Statement"), all);
        Ok(())
    }

    /// Everybody is let in, and then refused under a condition.
    fn add_pair(&mut self, resources: &[Py], condition: Dict) {
        self.begin_policy();
        let mut allow = statement("Allow", resources);
        allow.set(Text::own("Principal"), "*".into());
        let mut deny = statement("Deny", resources);
        deny.set(Text::own("Principal"), "*".into());
        deny.set(Text::own("Condition"), condition.into());
        let present = self.policy.get("Statement").filter(|present| **present != Py::None);
        let mut all = present.cloned().map(as_list).unwrap_or_default();
        for statement in [Py::from(allow), Py::from(deny)] {
            if !all.contains(&statement) {
                all.push(statement);
            }
        }
        self.policy.set(Text::own("Statement"), Py::List(all));
    }

    fn add_networks(
        &mut self,
        policy: &Map<String, Value>,
        networks: Networks,
        resources: &[Py],
    ) -> Result<(), Problems> {
        let plain = ids(policy, networks.plain)?;
        if plain.iter().any(|id| !id.is_string()) {
            let Networks { plain, instead, .. } = networks;
            return Err(Problems::structure(format_args!(
                "{plain} must be a list of strings. Use {instead} instead for values that use Intrinsic Functions"
            )));
        }
        let named = |prefix: &str| {
            let ids = plain.iter().filter(|id| id.as_str().is_some_and(|id| id.starts_with(prefix)));
            ids.map(Py::from_template).collect::<Vec<_>>()
        };
        let (mut vpcs, mut endpoints) = (named("vpc-"), named("vpce-"));
        vpcs.extend(ids(policy, networks.vpcs)?.iter().map(Py::from_template));
        endpoints.extend(ids(policy, networks.endpoints)?.iter().map(Py::from_template));
        if vpcs.is_empty() && endpoints.is_empty() {
            return Ok(());
        }
        let mut condition = Dict::hashed();
        for (key, ids) in [("aws:SourceVpc", vpcs), ("aws:SourceVpce", endpoints)] {
            if !ids.is_empty() {
                condition.set(Text::own(key), Py::List(ids));
            }
        }
        self.add_pair(resources, Dict::plain().with(networks.condition, condition));
        Ok(())
    }
}

/// The ids that a property lists.
// SECURITY: the published transform takes a text apart into its letters and of an intrinsic function the name: a condition on
// nonsense, or none at all, which leaves the API open to all networks. Here that is refused.
fn ids<'a>(policy: &'a Map<String, Value>, property: &str) -> Result<&'a [Value], Problems> {
    let Some(given) = member(policy, property).filter(|given| is_truthy(given)) else { return Ok(&[]) };
    let listed = given.as_array().map(Vec::as_slice);
    listed.ok_or_else(|| Problems::structure(format_args!("{property} must be a list")))
}

fn statement(effect: &str, resources: &[Py]) -> Dict {
    let mut statement = Dict::hashed().with("Effect", effect).with("Action", "execute-api:Invoke");
    statement.set(Text::own("Resource"), Py::List(resources.to_vec()));
    statement
}

fn listed(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { Value::Array(vec![value.clone()]) }
}

fn as_list(value: Py) -> Vec<Py> {
    match value {
        Py::List(items) => items,
        one => vec![one],
    }
}
