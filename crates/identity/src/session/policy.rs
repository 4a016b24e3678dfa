//! A managed policy that was given to a session: by its unique id, as sessions know users and roles.
//!
//! It looks nothing up: whether there still is such a policy, the directory says at every use.

use serde::{Deserialize, Serialize};

/// A managed session policy. One that is made anew under its name is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct SessionPolicy {
    /// The policy's ARN.
    pub arn: String,
    /// `ANPA…`. `None` for AWS's own policies, which nobody makes anew, and in sessions that began before ids were kept.
    pub policy_id: Option<String>,
}

impl SessionPolicy {
    /// AWS's own policy of this ARN.
    pub fn of_aws(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), policy_id: None }
    }
}

/// How a token holds it: short, and as tokens of before do where there is no id.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Arn(String),
    Both(String, String),
}

impl From<Written> for SessionPolicy {
    fn from(written: Written) -> Self {
        match written {
            Written::Arn(arn) => Self { arn, policy_id: None },
            Written::Both(arn, id) => Self { arn, policy_id: Some(id) },
        }
    }
}

impl From<SessionPolicy> for Written {
    fn from(SessionPolicy { arn, policy_id }: SessionPolicy) -> Self {
        match policy_id {
            None => Self::Arn(arn),
            Some(id) => Self::Both(arn, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tokens outlive a restart: those of before name the ARN alone.
    #[test]
    fn the_written_form_is_as_it_always_was() {
        let kept = SessionPolicy { arn: "arn:p".into(), policy_id: Some("ANPAX".into()) };
        for (policy, written) in
            [(SessionPolicy::of_aws("arn:p"), r#""arn:p""#), (kept, r#"["arn:p","ANPAX"]"#)]
        {
            assert_eq!(serde_json::to_string(&policy).unwrap(), written);
            assert_eq!(serde_json::from_str::<SessionPolicy>(written).unwrap(), policy);
        }
    }
}
