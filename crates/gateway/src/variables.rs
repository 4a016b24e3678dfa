//! `$context`, `$stageVariables` and `$method.request` in fixed texts: put in as they are, nothing evaluated.
//!
//! A variable that is not there, or that there is no such thing as, leaves nothing in its place.

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where variables come from.
pub(crate) struct Variables<'r> {
    /// What `$context` names.
    pub(crate) context: &'r Value,
    pub(crate) stage: &'r BTreeMap<String, String>,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) query: &'r str,
    pub(crate) path: &'r [(String, String)],
}

impl Variables<'_> {
    /// The value of a variable, named without its `$`.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        if let Some(path) = name.strip_prefix("context.") {
            let found = path.split('.').try_fold(self.context, |value, part| value.get(part))?;
            return match found {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
                Value::Array(_) | Value::Object(_) => None,
            };
        }
        if let Some(name) = name.strip_prefix("stageVariables.") {
            return self.stage.get(name).cloned();
        }
        let (place, name) = name.strip_prefix("method.request.")?.split_once('.')?;
        match place {
            "header" => self.headers.get(name)?.to_str().ok().map(str::to_owned),
            "querystring" => {
                let mut pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                let decoded =
                    |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
                pairs.find(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value))
            }
            "path" => self.path.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// A parameter of the request: of its path, else of its query, else a header.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        ["path", "querystring", "header"]
            .iter()
            .find_map(|place| self.value(&format!("method.request.{place}.{name}")))
    }

    /// A text with its variables put in; `missing` stands where one has no value. Ends at `bytes_max`.
    pub(crate) fn fill(&self, text: &str, missing: &str, bytes_max: usize) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let length = name_length(after);
            let (name, after) = after.split_at_checked(length).unwrap_or(("", after));
            if ["context.", "stageVariables.", "method.request."].iter().any(|known| name.starts_with(known))
            {
                let value = self.value(name);
                filled.push_str(value.as_deref().unwrap_or(missing));
            } else {
                filled.push('$');
                filled.push_str(name);
            }
            rest = after;
            if filled.len() > bytes_max {
                break;
            }
        }
        filled.push_str(rest);
        let mut end = bytes_max.min(filled.len());
        while !filled.is_char_boundary(end) {
            end -= 1;
        }
        filled.truncate(end);
        filled
    }
}

/// How long the name at the beginning of a text is: words with dots between them. Names of headers have hyphens.
fn name_length(text: &str) -> usize {
    let hyphens = text.starts_with("method.request.");
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (hyphens && byte == b'-');
    let mut length = 0;
    for word in text.split('.') {
        let letters = word.bytes().take_while(|byte| in_word(*byte)).count();
        if letters == 0 {
            break;
        }
        length += if length == 0 { letters } else { letters + 1 };
        if letters < word.len() {
            break;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_put_in_and_nothing_else() {
        let context = json!({"requestId": "r", "error": {"messageString": "\"m\""}, "n": 7, "none": null});
        let stage = BTreeMap::from([("v".to_owned(), "$context.requestId".to_owned())]);
        let headers = HeaderMap::from_iter([("x-a".parse().unwrap(), "h".parse().unwrap())]);
        let path = [("id".to_owned(), "p".to_owned())];
        let variables = Variables {
            context: &context,
            stage: &stage,
            headers: &headers,
            query: "q=a%20b&r",
            path: &path,
        };
        for (text, expected) in [
            (r#"{"m":$context.error.messageString}"#, r#"{"m":"m"}"#),
            ("$context.requestId.", "r."),
            ("$context.requestId $context.n", "r 7"),
            ("$context.none|$context.nowhere|$context.error", "-|-|-"),
            ("$stageVariables.v", "$context.requestId"),
            ("$method.request.header.x-a,$method.request.querystring.q,$method.request.path.id", "h,a b,p"),
            ("$ $$ $5 ${context.requestId} #set($x=1)", "$ $$ $5 ${context.requestId} #set($x=1)"),
            ("$util.escape $input.body", "$util.escape $input.body"),
        ] {
            assert_eq!(variables.fill(text, "-", 1_000), expected, "{text}");
        }
        assert_eq!(variables.fill("é$context.requestId", "", 1), "");
        assert_eq!(variables.fill("ab$context.requestId", "", 2), "ab");
    }
}
