//! The domain of an HTTP or a WebSocket API.

use serde_json::{Map, Value, json};

use super::super::context::{Context, Source};
use super::super::error::Problems;
use super::super::references::Generated;
use super::super::value::{attribute, is_truthy, member, printed_list, reference, truthy};
use super::super::version::value_hash;
use super::records::{self, Groups, Zone};
use super::{checked, mutual_tls, read};

type Part = (String, Value);

/// The domain, its mappings and its records. `attributes` says whether they get what the API has besides its properties.
pub(in super::super) fn expand(
    source: &Source<'_>,
    context: &Context,
    tags: Value,
    (attributes, groups): (bool, &mut Groups),
    generated: &mut Generated,
) -> Result<Vec<Part>, Problems> {
    let Some(mut domain) = read(source, context)? else { return Ok(Vec::new()) };
    let refuse = |message: String| Problems::resource(source.id, message);
    let part = |kind: &str, properties: Map<String, Value>| {
        let kind = format!("AWS::ApiGatewayV2::{kind}");
        if attributes {
            source.part(&kind, properties)
        } else {
            json!({ "Type": kind, "Properties": properties })
        }
    };
    let (Some(name), Some(certificate)) = (member(&domain, "DomainName"), member(&domain, "CertificateArn"))
    else {
        let message = "Custom Domains only works if both DomainName and CertificateArn are provided.";
        return Err(refuse(message.to_owned()));
    };
    let id = format!("ApiGatewayDomainNameV2{}", value_hash(name));
    let mut configuration = Map::from_iter([("CertificateArn".to_owned(), certificate.clone())]);
    let mut properties = Map::from_iter([("DomainName".to_owned(), name.clone()), ("Tags".to_owned(), tags)]);
    let endpoint = member(&domain, "EndpointConfiguration").cloned().unwrap_or_else(|| "REGIONAL".into());
    if endpoint != "REGIONAL" {
        let known = printed_list(&["REGIONAL"]);
        return Err(refuse(format!("EndpointConfiguration for Custom Domains must be one of {known}.")));
    }
    configuration.insert("EndpointType".to_owned(), endpoint.clone());
    for name in ["OwnershipVerificationCertificateArn", "SecurityPolicy"] {
        configuration.extend(truthy(&domain, name).map(|value| (name.to_owned(), value.clone())));
    }
    properties.insert("DomainNameConfigurations".to_owned(), json!([configuration]));
    if let Some(tls) = truthy(&domain, "MutualTlsAuthentication") {
        properties.insert("MutualTlsAuthentication".to_owned(), authentication(source.id, tls)?);
    }
    generated.add(source.id, "DomainName", &id);
    let mut parts = vec![(id.clone(), part("DomainName", properties))];
    for (mapping_id, path) in mappings(source.id, &domain)? {
        let mut mapping = Map::from_iter([
            ("DomainName".to_owned(), reference(&id)),
            ("ApiId".to_owned(), reference(source.id)),
            ("Stage".to_owned(), reference(&format!("{}.Stage", source.id))),
        ]);
        mapping.extend(path.map(|path| ("ApiMappingKey".to_owned(), path.into())));
        parts.push((mapping_id, part("ApiMapping", mapping)));
    }
    domain.insert("EndpointConfiguration".to_owned(), endpoint);
    if let Some(route) = records::read(source.id, &domain)? {
        let target = records::target(
            route,
            attribute(&id, "RegionalHostedZoneId"),
            attribute(&id, "RegionalDomainName"),
        );
        let records = records::of(&domain, route, &target);
        parts.push(records::shared(source, route, records, (Zone::One, attributes), groups));
    }
    Ok(parts)
}

fn authentication(id: &str, given: &Value) -> Result<Value, Problems> {
    let fields = printed_list(&["TruststoreUri", "TruststoreVersion"]);
    let Some(given) = given.as_object() else {
        let message = format_args!(
            "MutualTlsAuthentication must be a map with at least one of the following fields {fields}."
        );
        return Err(Problems::resource(id, message));
    };
    mutual_tls(given).map_err(|unknown| {
        let names: Vec<&str> = unknown.into_iter().map(String::as_str).collect();
        let message = format_args!("Available MutualTlsAuthentication fields are {fields}.");
        Problems::resource(&names.join(","), message)
    })
}

/// The logical ids of the mappings, each with its path.
fn mappings(id: &str, domain: &Map<String, Value>) -> Result<Vec<(String, Option<String>)>, Problems> {
    let refuse = |message: &str| Problems::resource(id, message);
    let paths = match member(domain, "BasePath").filter(|paths| is_truthy(paths)) {
        Some(Value::String(one)) => vec![Value::from(one.as_str())],
        Some(Value::Array(items)) => items.clone(),
        _ => return Ok(vec![(format!("{id}ApiMapping"), None)]),
    };
    let mapping = |path: &Value| {
        let path = path.as_str().ok_or_else(|| refuse("Basepath must be a string."))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
        if !path.bytes().all(allowed) {
            return Err(refuse("Invalid Basepath name provided."));
        }
        let bare: String = path.chars().filter(char::is_ascii_alphanumeric).collect();
        Ok((checked(format!("{id}{bare}ApiMapping"))?, Some(path.trim_matches('/').to_owned())))
    };
    paths.iter().map(mapping).collect()
}
