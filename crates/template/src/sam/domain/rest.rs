//! The domain of a REST API: a public one, or a private one that endpoints of networks get access to.

use serde_json::{Map, Value, json};

use super::super::context::{Context, Source};
use super::super::error::Problems;
use super::super::python::{Py, Text};
use super::super::references::Generated;
use super::super::value::{attribute, is_truthy, member, printed_list, reference, truthy};
use super::super::version::value_hash;
use super::records::{self, Zone};
use super::{checked, mutual_tls, paths, read};

type Part = (String, Value);

const ENDPOINTS: [&str; 3] = ["EDGE", "REGIONAL", "PRIVATE"];

/// The zone of what `CloudFront` serves, the same for all.
const EDGE_ZONE: &str = "Z2FDTNDATAQYW2";

/// What a domain becomes.
pub(in super::super) struct Rest {
    pub(in super::super) parts: Vec<Part>,
    /// The domain as it counts into the API's deployment, in order.
    pub(in super::super) domain: Value,
}

/// The domain, its mappings and its records.
pub(in super::super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Option<Rest>, Problems> {
    let Some(mut domain) = read(source, context)? else { return Ok(None) };
    let mut counted = context.domains.domain(source.id, context);
    let private = domain.get("EndpointConfiguration").is_some_and(|endpoint| endpoint == "PRIVATE");
    let required = |name: &str| {
        let missing = || Problems::resource(source.id, format_args!("Property 'Domain.{name}' is required."));
        member(&domain, name).cloned().ok_or_else(missing)
    };
    let (name, certificate) = (required("DomainName")?, required("CertificateArn")?);
    let id = format!("ApiGatewayDomainName{}{}", if private { "V2" } else { "" }, value_hash(&name));
    if !private {
        counted.set(Text::own("ApiDomainName"), Py::Text(Text::own(id.as_str())));
        if member(&domain, "EndpointConfiguration").is_none() {
            domain.insert("EndpointConfiguration".to_owned(), "REGIONAL".into());
            counted.set(Text::own("EndpointConfiguration"), Py::Text(Text::own("REGIONAL")));
        }
    }
    let kind = if private { "DomainNameV2" } else { "DomainName" };
    let endpoint = domain.get("EndpointConfiguration").cloned().unwrap_or_default();
    let properties = properties(source.id, &id, kind, &domain, (name, certificate))?;
    generated.add(source.id, kind, &id);
    let mut parts = vec![(id.clone(), source.part(&format!("AWS::ApiGateway::{kind}"), properties))];
    parts.extend(mappings(source, &domain, &id, private)?);
    if let Some(association) = member(&domain, "AccessAssociation").filter(|_| private) {
        parts.push(access(source, association, &id)?);
    }
    if records::read(source.id, &domain)?.is_some() {
        let edge = (endpoint == "EDGE").then(|| attribute(&id, "DistributionDomainName"));
        if let (Some(edge), Some(Value::Object(route))) = (edge, domain.get_mut("Route53"))
            && member(route, "DistributionDomainName").is_none()
        {
            if let Some(route) = counted.get_mut("Route53").and_then(Py::as_dict_mut) {
                route.set(Text::own("DistributionDomainName"), Py::plain(&edge));
            }
            route.insert("DistributionDomainName".to_owned(), edge);
        }
        parts.push(record_group(source, &domain, &endpoint, &id, context)?);
    }
    Ok(Some(Rest { parts, domain: Py::from(counted).in_order() }))
}

fn properties(
    api: &str,
    id: &str,
    kind: &str,
    domain: &Map<String, Value>,
    (name, certificate): (Value, Value),
) -> Result<Map<String, Value>, Problems> {
    let endpoint = domain.get("EndpointConfiguration").cloned().unwrap_or_default();
    if !endpoint.as_str().is_some_and(|endpoint| ENDPOINTS.contains(&endpoint)) {
        let known = printed_list(&ENDPOINTS);
        let message = format_args!("EndpointConfiguration for Custom Domains must be one of {known}.");
        return Err(Problems::resource(api, message));
    }
    let regional = endpoint == "REGIONAL";
    let certificate_name = if regional { "RegionalCertificateArn" } else { "CertificateArn" };
    let mut properties =
        Map::from_iter([("DomainName".to_owned(), name), (certificate_name.to_owned(), certificate)]);
    let mut configuration = Map::from_iter([("Types".to_owned(), json!([endpoint]))]);
    let address = truthy(domain, "IpAddressType");
    configuration.extend(address.map(|value| ("IpAddressType".to_owned(), value.clone())));
    properties.insert("EndpointConfiguration".to_owned(), Value::Object(configuration));
    let tls = truthy(domain, "MutualTlsAuthentication").filter(|_| kind == "DomainName");
    if let Some(tls) = tls {
        let refuse = |message: String| Problems::resource(api, message);
        let Some(tls) = tls.as_object() else {
            return Err(refuse("Property 'Domain.MutualTlsAuthentication' should be a map.".to_owned()));
        };
        let tls = mutual_tls(tls).map_err(|_| {
            let fields = printed_list(&["TruststoreUri", "TruststoreVersion"]);
            refuse(format!("Available Domain.MutualTlsAuthentication fields are {fields}."))
        })?;
        properties.insert("MutualTlsAuthentication".to_owned(), tls);
    }
    for name in ["SecurityPolicy", "EndpointAccessMode", "Policy", "OwnershipVerificationCertificateArn"] {
        let Some(value) = truthy(domain, name) else { continue };
        let unknown = if kind == "DomainName" {
            name == "Policy"
        } else {
            name == "OwnershipVerificationCertificateArn"
        };
        if unknown {
            let message =
                format_args!("property {name} not defined for resource of type AWS::ApiGateway::{kind}");
            return Err(Problems::resource(id, message));
        }
        properties.insert(name.to_owned(), value.clone());
    }
    Ok(properties)
}

fn mappings(
    source: &Source<'_>,
    domain: &Map<String, Value>,
    id: &str,
    private: bool,
) -> Result<Vec<Part>, Problems> {
    let mapping = |path: Option<&str>| {
        let (kind, name) =
            if private { ("BasePathMappingV2", "DomainNameArn") } else { ("BasePathMapping", "DomainName") };
        let mut mapping = Map::from_iter([
            (name.to_owned(), reference(id)),
            ("RestApiId".to_owned(), reference(source.id)),
            ("Stage".to_owned(), reference(&format!("{}.Stage", source.id))),
        ]);
        mapping.extend(path.map(|path| ("BasePath".to_owned(), path.into())));
        source.part(&format!("AWS::ApiGateway::{kind}"), mapping)
    };
    let Some(paths) = paths(source.id, domain)? else {
        return Ok(vec![(format!("{}BasePathMapping", source.id), mapping(None))]);
    };
    let normal = domain.get("NormalizeBasePath").is_none_or(is_truthy);
    let mapped = paths.iter().map(|path| {
        // A path may have letters, digits and few signs; the signs stay where the template wants that.
        let bare: String = path.chars().filter(|character| character.is_alphanumeric()).collect();
        let part = mapping(Some(if normal { &bare } else { path }));
        Ok((checked(format!("{}{bare}BasePathMapping", source.id))?, part))
    });
    mapped.collect()
}

/// Lets the endpoint of a network use a private domain.
fn access(source: &Source<'_>, association: &Value, id: &str) -> Result<Part, Problems> {
    let Some(association) = association.as_object() else {
        return Err(Problems::resource(source.id, "Property 'Domain.AccessAssociation' should be a map."));
    };
    let endpoint = association.get("VpcEndpointId").cloned().unwrap_or_default();
    let hash = value_hash(&json!([endpoint, id]));
    let mut properties = Map::from_iter([
        ("DomainNameArn".to_owned(), reference(id)),
        ("AccessAssociationSourceType".to_owned(), "VPCE".into()),
    ]);
    if !endpoint.is_null() {
        properties.insert("AccessAssociationSource".to_owned(), endpoint);
    }
    let part = source.part("AWS::ApiGateway::DomainNameAccessAssociation", properties);
    Ok((format!("DomainNameAccessAssociation{hash}"), part))
}

fn record_group(
    source: &Source<'_>,
    domain: &Map<String, Value>,
    endpoint: &Value,
    id: &str,
    context: &mut Context,
) -> Result<Part, Problems> {
    let empty = Map::new();
    let route = records::read(source.id, domain)?.unwrap_or(&empty);
    let of_route = |name: &str| route.get(name).cloned().unwrap_or_default();
    let (zone, name) = match endpoint.as_str() {
        Some("REGIONAL") => (attribute(id, "RegionalHostedZoneId"), attribute(id, "RegionalDomainName")),
        Some("EDGE") => (EDGE_ZONE.into(), of_route("DistributionDomainName")),
        _ => (of_route("VpcEndpointHostedZoneId"), of_route("VpcEndpointDomainName")),
    };
    let records = records::of(domain, route, &records::target(route, zone, name));
    match truthy(route, "SeparateRecordSetGroup") {
        None => {
            let groups = &mut context.record_groups;
            Ok(records::shared(source, route, records, (Zone::Both, true), groups))
        }
        Some(Value::Bool(_)) => Ok(records::separate(source, domain, route, records)),
        Some(_) => {
            let message = "Property 'Domain.Route53.SeparateRecordSetGroup' should be a boolean.";
            Err(Problems::resource(source.id, message))
        }
    }
}
