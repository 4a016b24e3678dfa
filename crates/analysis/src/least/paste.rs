//! JSON in the characters that IAM takes in a policy, whatever the names that stand in it.
//!
//! It changes how a text is written, and not what it says.

/// The last character that a policy's text may hold.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>
const LAST: char = '\u{ff}';

/// The same JSON with escapes for what IAM refuses: as it stands, characters beyond Latin 1.
#[must_use]
pub fn pasteable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character <= LAST {
            out.push(character);
            continue;
        }
        // Outside of its strings JSON has no such characters.
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_iam_takes_stays_as_it_is() {
        let text = json!({"Resource": "arn:aws:s3:::b/stra\u{df}e/\u{540d}/\u{1f600}"}).to_string();
        assert_eq!(pasteable(&text), "{\"Resource\":\"arn:aws:s3:::b/stra\u{df}e/\\u540d/\\ud83d\\ude00\"}");
    }

    proptest! {
        #[test]
        fn it_says_the_same(text in any::<String>()) {
            let written = pasteable(&json!([text]).to_string());
            prop_assert!(written.chars().all(|character| character <= LAST));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!([text]));
        }
    }
}
