//! LookupEvents: one page of the account's events, newest first.
//!
//! It reads the trail of the caller's account and of no other; no input names an account.

use std::sync::Arc;

use observe::{Attribute, Event, Position, Query};
use service::{Internal, Permit};

use crate::api::{self, LookupEvents, LookupEventsRequest, LookupEventsResponse};
use crate::error::Error;

/// The largest page, and the one that is given where none is asked for.
const PAGE_EVENTS_MAX: i64 = 50;

pub(crate) async fn lookup_events(
    _: Arc<()>,
    permit: Permit<LookupEvents>,
) -> Result<LookupEventsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let digest = digest(&input);
    let query = Query {
        account: call.account(),
        attribute: attribute(&input)?,
        start: input.start_time,
        end: input.end_time,
        limit: limit(&input)?,
        after: input.next_token.as_deref().map(|token| position(token, &digest)).transpose()?,
    };
    if let (Some(start), Some(end)) = (query.start, query.end)
        && end < start
    {
        return Err(Error::InvalidTimeRange("StartTime must be before EndTime.".to_owned()));
    }
    if let Some(category) = &input.event_category {
        let message = match category.as_str() {
            "insight" => "Insights events are not recorded.".to_owned(),
            other => format!("{other} is not an event category."),
        };
        return Err(Error::InvalidEventCategory(message));
    }
    let page = call.pipeline().audit().query(&query).await.map_err(Internal::new)?;
    Ok(LookupEventsResponse {
        events: Some(page.events.into_iter().map(shown).collect()),
        next_token: page.next.map(|next| format!("{next}.{digest}")),
    })
}

fn limit(input: &LookupEventsRequest) -> Result<usize, Error> {
    let asked = input.max_results.unwrap_or(PAGE_EVENTS_MAX);
    match usize::try_from(asked) {
        Ok(limit) if (1..=PAGE_EVENTS_MAX).contains(&asked) => Ok(limit),
        _ => Err(Error::InvalidMaxResults(format!("MaxResults must be between 1 and {PAGE_EVENTS_MAX}."))),
    }
}

fn attribute(input: &LookupEventsRequest) -> Result<Option<Attribute>, Error> {
    let invalid = |message: String| Err(Error::InvalidLookupAttributes(message));
    let attribute = match input.lookup_attributes.as_deref().unwrap_or_default() {
        [] => return Ok(None),
        [attribute] => attribute,
        _ => return invalid("You can specify at most one lookup attribute.".to_owned()),
    };
    let value = attribute.attribute_value.clone();
    Ok(Some(match attribute.attribute_key.as_str() {
        "EventId" => Attribute::EventId(value),
        "EventName" => Attribute::EventName(value),
        "ReadOnly" => match value.as_str() {
            "true" => Attribute::ReadOnly(true),
            "false" => Attribute::ReadOnly(false),
            _ => return invalid("The value of the attribute ReadOnly must be true or false.".to_owned()),
        },
        "Username" => Attribute::Username(value),
        "ResourceType" => Attribute::ResourceType(value),
        "ResourceName" => Attribute::ResourceName(value),
        "EventSource" => Attribute::EventSource(value),
        "AccessKeyId" => Attribute::AccessKeyId(value),
        other => return invalid(format!("{other} is not a lookup attribute.")),
    }))
}

/// What a token belongs to: everything of the query but its page. A token used with another query is refused.
fn digest(input: &LookupEventsRequest) -> String {
    let mut text = String::new();
    for attribute in input.lookup_attributes.iter().flatten() {
        text.push_str(&attribute.attribute_key);
        text.push('\0');
        text.push_str(&attribute.attribute_value);
        text.push('\0');
    }
    for time in [input.start_time, input.end_time] {
        text.push_str(&time.map_or(String::new(), |time| time.millis().to_string()));
        text.push('\0');
    }
    crypto::sha256(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn position(token: &str, digest: &str) -> Result<Position, Error> {
    let invalid = || Error::InvalidNextToken("The NextToken is not valid for this request.".to_owned());
    let (place, of) = token.rsplit_once('.').ok_or_else(invalid)?;
    if of != digest {
        return Err(invalid());
    }
    Position::parse(place).ok_or_else(invalid)
}

fn shown(event: Event) -> api::Event {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let event_id = event.event_id();
    let resource = |(name, kind)| api::Resource { resource_type: filled(kind), resource_name: filled(name) };
    api::Event {
        event_id: Some(event_id),
        event_name: Some(event.event_name),
        read_only: Some(event.read_only.to_string()),
        access_key_id: filled(event.access_key_id),
        event_time: Some(event.event_time),
        event_source: Some(event.event_source),
        username: filled(event.username),
        resources: Some(event.resources.into_iter().map(resource).collect()),
        cloud_trail_event: Some(event.json),
    }
}

/// Whatever the text, a token is read or refused.
#[cfg(test)]
pub(crate) fn fuzz_token(text: &str) {
    let _ = position(text, "0123456789abcdef");
}
