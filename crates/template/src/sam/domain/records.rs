//! Records in Route 53 of the domains of APIs, in groups that APIs of one hosted zone share.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::context::Source;
use super::super::error::Problems;
use super::super::value::{member, truthy};
use super::super::version::value_hash;

pub(in super::super) const KIND: &str = "AWS::Route53::RecordSetGroup";

/// The groups that were met, by logical id.
pub(in super::super) type Groups = IndexMap<String, Value>;

/// Domain names and the names of hosted zones in Route 53 may differ in what a group is made with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Both id and name are kept.
    Both,
    /// The name is of no use beside an id.
    One,
}

/// `Route53` of a domain, where there is one.
pub(super) fn read<'a>(
    id: &str,
    domain: &'a Map<String, Value>,
) -> Result<Option<&'a Map<String, Value>>, Problems> {
    let refuse = |message: &str| Err(Problems::resource(id, message));
    let route = match member(domain, "Route53") {
        None => return Ok(None),
        Some(Value::Object(route)) => route,
        Some(_) => return refuse("Property 'Domain.Route53' should be a map."),
    };
    if member(route, "HostedZoneId").is_none() && member(route, "HostedZoneName").is_none() {
        return refuse(
            "HostedZoneId or HostedZoneName is required to enable Route53 support on Custom Domains.",
        );
    }
    Ok(Some(route))
}

fn zone(route: &Map<String, Value>) -> Value {
    let zone = truthy(route, "HostedZoneId").or_else(|| route.get("HostedZoneName"));
    zone.cloned().unwrap_or_default()
}

/// The group of the domain's zone with the domain's records added.
pub(super) fn shared(
    source: &Source<'_>,
    route: &Map<String, Value>,
    records: Vec<Value>,
    (zones, attributes): (Zone, bool),
    groups: &mut Groups,
) -> (String, Value) {
    let id = format!("RecordSetGroup{}", value_hash(&zone(route)));
    let group = groups.entry(id.clone()).or_insert_with(|| {
        let mut properties = Map::from_iter([("RecordSets".to_owned(), json!([]))]);
        let names = ["HostedZoneId", "HostedZoneName"];
        let kept = names.iter().filter(|name| route.contains_key(**name));
        let kept = kept.take(if zones == Zone::Both { 2 } else { 1 });
        properties.extend(kept.filter_map(|name| Some(((*name).to_owned(), member(route, name)?.clone()))));
        group(source, properties, attributes)
    });
    let list = group.get_mut("Properties").and_then(|properties| properties.get_mut("RecordSets"));
    if let Some(Value::Array(list)) = list {
        list.extend(records);
    }
    (id, group.clone())
}

/// A group of the domain's records alone.
pub(super) fn separate(
    source: &Source<'_>,
    domain: &Map<String, Value>,
    route: &Map<String, Value>,
    records: Vec<Value>,
) -> (String, Value) {
    let name = domain.get("DomainName").cloned().unwrap_or_default();
    let id = format!("RecordSetGroup{}", value_hash(&json!([zone(route), name])));
    let mut properties = Map::from_iter([("RecordSets".to_owned(), Value::from(records))]);
    for name in ["HostedZoneId", "HostedZoneName"] {
        properties.extend(truthy(route, name).map(|value| (name.to_owned(), value.clone())));
    }
    (id, group(source, properties, true))
}

fn group(source: &Source<'_>, properties: Map<String, Value>, attributes: bool) -> Value {
    if attributes { source.part(KIND, properties) } else { json!({ "Type": KIND, "Properties": properties }) }
}

/// The domain's records: one, and another one of IPv6 where that is asked for.
pub(super) fn of(domain: &Map<String, Value>, route: &Map<String, Value>, target: &Value) -> Vec<Value> {
    let record = |kind: &str| {
        let mut record = Map::from_iter([
            ("Name".to_owned(), domain.get("DomainName").cloned().unwrap_or_default()),
            ("Type".to_owned(), kind.into()),
            ("AliasTarget".to_owned(), target.clone()),
        ]);
        for name in ["Region", "SetIdentifier"] {
            record.extend(member(route, name).map(|value| (name.to_owned(), value.clone())));
        }
        Value::Object(record)
    };
    let newer = route.get("IpV6") == Some(&Value::Bool(true));
    std::iter::once("A").chain(newer.then_some("AAAA")).map(record).collect()
}

/// What a record leads to.
pub(super) fn target(route: &Map<String, Value>, zone: Value, name: Value) -> Value {
    let mut target = Map::from_iter([("HostedZoneId".to_owned(), zone), ("DNSName".to_owned(), name)]);
    if let Some(health) = member(route, "EvaluateTargetHealth") {
        target.insert("EvaluateTargetHealth".to_owned(), health.clone());
    }
    Value::Object(target)
}
