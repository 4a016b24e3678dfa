//! A record as CloudTrail writes it.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
//! The element order is CloudTrail's. Elements that callers fill are cut to CloudTrail's own limits, and say so.

use base::Timestamp;

use crate::audit::record::{Category, Outcome, Record};

/// CloudTrail leaves `requestParameters` and `responseElements` out where they are larger.
const ELEMENT_BYTES_MAX: usize = 100 * 1_024;
const ERROR_MESSAGE_BYTES_MAX: usize = 1_024;
const USER_AGENT_BYTES_MAX: usize = 1_024;

/// The text of a second, kept: records are written in the order of time, so the same one is asked for again and again.
#[derive(Default)]
pub(crate) struct Seconds {
    secs: Option<i64>,
    text: String,
}

impl Seconds {
    fn text(&mut self, time: Timestamp) -> &str {
        if self.secs != Some(time.secs()) {
            self.secs = Some(time.secs());
            self.text = time.iso8601_secs();
        }
        &self.text
    }
}

/// Appends the record's JSON text.
pub(crate) fn write(
    out: &mut Vec<u8>,
    seconds: &mut Seconds,
    record: &Record,
    event_id: u128,
    outcome: &Outcome,
) {
    out.extend_from_slice(br#"{"eventVersion":"1.11","userIdentity":"#);
    raw(out, Some(&record.user_identity));
    plain_member(out, "eventTime", seconds.text(record.event_time));
    text_member(out, "eventSource", &record.event_source);
    text_member(out, "eventName", &record.event_name);
    plain_member(out, "awsRegion", record.region.as_str());
    text_member(out, "sourceIPAddress", &record.source_ip);
    text_member(out, "userAgent", cut(&record.user_agent, USER_AGENT_BYTES_MAX));
    if let Some((code, message)) = &outcome.error {
        text_member(out, "errorCode", code);
        text_member(out, "errorMessage", cut(message, ERROR_MESSAGE_BYTES_MAX));
    }
    element(out, "requestParameters", record.request_parameters.as_deref());
    element(out, "responseElements", outcome.response_elements.as_deref());
    let details = outcome.details.as_deref().or(record.additional_event_data.as_deref());
    if outcome.interrupted {
        out.extend_from_slice(br#","additionalEventData":{"interrupted":true"#);
        interrupted(out, details);
    } else if details.is_some() {
        element(out, "additionalEventData", details);
    }
    text_member(out, "requestID", &record.request_id);
    plain_member(out, "eventID", &uuid(event_id));
    bool_member(out, "readOnly", record.read_only);
    resources(out, record);
    let (category, event_type) = match record.category {
        Category::Management => ("Management", "AwsApiCall"),
        Category::Data => ("Data", "AwsApiCall"),
        Category::Network => ("NetworkActivity", "AwsVpceEvent"),
    };
    plain_member(out, "eventType", event_type);
    bool_member(out, "managementEvent", record.category == Category::Management);
    plain_member(out, "recipientAccountId", record.account.as_str());
    if let Some(shared) = &record.shared_event_id {
        text_member(out, "sharedEventID", shared);
    }
    if let Some(endpoint) = &record.vpc_endpoint_id {
        text_member(out, "vpcEndpointId", endpoint);
    }
    plain_member(out, "eventCategory", category);
    out.push(b'}');
}

/// The members of an object that is begun, and its end.
fn interrupted(out: &mut Vec<u8>, details: Option<&[u8]>) {
    match details {
        Some([b'{', members @ ..]) if members.len() > 1 && members.len() <= ELEMENT_BYTES_MAX => {
            out.push(b',');
            out.extend_from_slice(members);
        }
        _ => out.push(b'}'),
    }
}

/// An event id as it is shown: hyphenated.
pub(crate) fn uuid(id: u128) -> String {
    let mut text = String::with_capacity(36);
    for digit in (0..32).rev() {
        if matches!(digit, 23 | 19 | 15 | 11) {
            text.push('-');
        }
        let value = u32::try_from(id >> (digit * 4) & 15).unwrap_or(0);
        text.push(char::from_digit(value, 16).unwrap_or('0'));
    }
    text
}

fn resources(out: &mut Vec<u8>, record: &Record) {
    if record.resources.is_empty() {
        return;
    }
    out.extend_from_slice(br#","resources":["#);
    for (index, resource) in record.resources.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#"{"ARN":"# } else { br#",{"ARN":"# });
        text(out, &resource.arn);
        text_member(out, "accountId", resource.account.as_str());
        if !resource.kind.is_empty() {
            text_member(out, "type", &resource.kind);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn element(out: &mut Vec<u8>, name: &str, json: Option<&[u8]>) {
    member(out, name);
    match json {
        Some(json) if json.len() > ELEMENT_BYTES_MAX => {
            let omitted =
                format!(r#"{{"omitted":true,"originalSize":{},"reason":"{name} too large"}}"#, json.len());
            out.extend_from_slice(omitted.as_bytes());
        }
        json => raw(out, json),
    }
}

fn raw(out: &mut Vec<u8>, json: Option<&[u8]>) {
    match json {
        Some(json) if !json.is_empty() => out.extend_from_slice(json),
        _ => out.extend_from_slice(b"null"),
    }
}

fn text_member(out: &mut Vec<u8>, name: &str, value: &str) {
    member(out, name);
    text(out, value);
}

/// A value that is known to hold nothing that JSON escapes: digits, letters, hyphens.
fn plain_member(out: &mut Vec<u8>, name: &str, value: &str) {
    member(out, name);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn bool_member(out: &mut Vec<u8>, name: &str, value: bool) {
    member(out, name);
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Names are ours and need no escaping.
fn member(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, value: &str) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Writing a string into memory does not fail; should it ever, the record stays well formed.
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, max, expected) in
            [("abc", 5, "abc"), ("abc", 2, "ab"), ("aé", 2, "a"), ("é", 1, ""), ("", 0, "")]
        {
            assert_eq!(cut(text, max), expected);
        }
    }

    #[test]
    fn a_call_that_broke_off_keeps_what_was_told_of_it() {
        for (details, expected) in
            [(None, "}"), (Some(&b"{}"[..]), "}"), (Some(b"null"), "}"), (Some(br#"{"a":1}"#), r#","a":1}"#)]
        {
            let mut out = Vec::new();
            interrupted(&mut out, details);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn an_event_id_is_a_uuid() {
        assert_eq!(uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-cdef-0123-456789abcdef");
    }
}
