//! How what an interrupted try made is found again, for types that are told in tables.
//!
//! SECURITY: found is only what carries the very marks of this resource, or stands under the name it would have in something
//! that carries the stack's.

use serde_json::{Value, json};

use super::{Answer, Failure, Work, list, seen, text};
use crate::records::Physical;

/// Looks for what an interrupted try made.
pub(super) type Finder = for<'a> fn(&'a Work) -> Answer<'a, Option<Physical>>;

/// True where a function, by whatever name, was made by the stack.
pub(super) async fn is_function_of_stack(work: &Work, function: &str) -> Result<bool, Failure> {
    let shown = seen(work.call("lambda", "GetFunction", json!({ "FunctionName": function })).await)?;
    Ok(work.is_of_stack(shown.as_ref().and_then(|shown| shown.get("Tags"))))
}

/// True where the tags of something of Lambda's are this resource's marks.
async fn is_marked_in_lambda(work: &Work, arn: &str) -> Result<bool, Failure> {
    let shown = seen(work.call("lambda", "ListTags", json!({ "Resource": arn })).await)?;
    Ok(work.is_marked(shown.as_ref().and_then(|shown| shown.get("Tags"))))
}

/// The only address of a function of the stack.
pub(super) fn url(work: &Work) -> Answer<'_, Option<Physical>> {
    Box::pin(async move {
        let function = work.text("TargetFunctionArn");
        if !is_function_of_stack(work, &function).await? {
            return Ok(None);
        }
        let mut input = work.pick(&["Qualifier"]);
        input.insert("FunctionName".to_owned(), function.into());
        let shown = seen(work.call("lambda", "GetFunctionUrlConfig", Value::Object(input)).await)?;
        Ok(shown.map(|shown| work.made(text(shown.get("FunctionArn")), Value::Null)))
    })
}

/// A mapping with the resource's marks.
pub(super) fn mapping(work: &Work) -> Answer<'_, Option<Physical>> {
    Box::pin(async move {
        let mut input = work.pick(&["EventSourceArn", "FunctionName"]);
        loop {
            let page =
                seen(work.call("lambda", "ListEventSourceMappings", Value::Object(input.clone())).await)?;
            let page = page.unwrap_or_default();
            for mapping in list(page.get("EventSourceMappings")) {
                if is_marked_in_lambda(work, &text(mapping.get("EventSourceMappingArn"))).await? {
                    return Ok(Some(work.made(text(mapping.get("UUID")), Value::Null)));
                }
            }
            let Some(next) = page.get("NextMarker").filter(|next| next.is_string()) else { return Ok(None) };
            input.insert("Marker".to_owned(), next.clone());
        }
    })
}

/// A code signing configuration with the resource's marks.
pub(super) fn signing(work: &Work) -> Answer<'_, Option<Physical>> {
    Box::pin(async move {
        let mut input = json!({});
        loop {
            let page = work.call("lambda", "ListCodeSigningConfigs", input).await?;
            for config in list(page.get("CodeSigningConfigs")) {
                let arn = text(config.get("CodeSigningConfigArn"));
                if is_marked_in_lambda(work, &arn).await? {
                    return Ok(Some(work.made(arn, Value::Null)));
                }
            }
            let Some(next) = page.get("NextMarker").filter(|next| next.is_string()) else { return Ok(None) };
            input = json!({ "Marker": next });
        }
    })
}

/// A stream of this name in a log group of the stack.
pub(super) fn log_stream(work: &Work) -> Answer<'_, Option<Physical>> {
    Box::pin(async move {
        let group = work.text("LogGroupName");
        let (region, account) = (work.caller.region().as_str(), work.caller.account);
        let arn = base::Arn::new("logs", region, account.as_str(), format!("log-group:{group}")).to_string();
        let shown = seen(work.call("logs", "ListTagsForResource", json!({ "resourceArn": arn })).await)?;
        if !work.is_of_stack(shown.as_ref().and_then(|shown| shown.get("tags"))) {
            return Ok(None);
        }
        let input = json!({ "logGroupName": group, "logStreamNamePrefix": work.planned });
        let shown = seen(work.call("logs", "DescribeLogStreams", input).await)?.unwrap_or_default();
        let mut streams = list(shown.get("logStreams")).iter();
        let found = streams.any(|stream| text(stream.get("logStreamName")) == work.planned);
        Ok(found.then(|| work.made(&work.planned, Value::Null)))
    })
}

/// True where something of an organization has this resource's marks.
pub(super) async fn is_marked_in_organization(work: &Work, id: &str) -> Result<bool, Failure> {
    let shown = work.call("organizations", "ListTagsForResource", json!({ "ResourceId": id })).await;
    Ok(work.is_marked(seen(shown)?.as_ref().and_then(|shown| shown.get("Tags"))))
}

/// The first of a listing's items of this name that has the resource's marks.
pub(super) async fn in_organization(
    work: &Work,
    (operation, input, items): (&str, Value, &str),
    (member, name): (&str, &str),
) -> Result<Option<String>, Failure> {
    let mut input = input;
    loop {
        let page = work.call("organizations", operation, input.clone()).await?;
        for item in list(page.get(items)).iter().filter(|item| text(item.get(member)) == name) {
            let id = text(item.get("Id"));
            if is_marked_in_organization(work, &id).await? {
                return Ok(Some(id));
            }
        }
        let Some(next) = page.get("NextToken").filter(|next| next.is_string()) else { return Ok(None) };
        if let Some(input) = input.as_object_mut() {
            input.insert("NextToken".to_owned(), next.clone());
        }
    }
}

/// A unit of this name beneath its parent, with the resource's marks.
pub(super) fn unit(work: &Work) -> Answer<'_, Option<Physical>> {
    Box::pin(async move {
        let parent = json!({ "ParentId": work.text("ParentId") });
        let listing = ("ListOrganizationalUnitsForParent", parent, "OrganizationalUnits");
        let found = in_organization(work, listing, ("Name", &work.text("Name"))).await?;
        Ok(found.map(|id| work.made(id, Value::Null)))
    })
}
