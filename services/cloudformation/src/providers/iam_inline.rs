//! `AWS::IAM::RolePolicy`, `UserPolicy` and `GroupPolicy`: one inline policy of one holder.

use serde_json::{Value, json};

use super::document::to_text;
use super::reading::{self, Holder, Reading, properties};
use super::{Answer, Property, Provider, Work, gone, optional, required, text};
use crate::drift::Rules;
use crate::records::Physical;

/// One of the three types.
pub(super) struct Inline {
    kind: &'static str,
    properties: &'static [Property],
    holder: &'static str,
    put: &'static str,
    delete: &'static str,
    read: Holder,
}

macro_rules! inline {
    ($($name:ident: $kind:literal, $holder:literal, $put:literal, $delete:literal, $read:expr;)*) => {$(
        pub(super) static $name: Inline = Inline {
            kind: $kind,
            properties: &[optional("PolicyDocument"), required("PolicyName").fixed(), required($holder).fixed()],
            holder: $holder,
            put: $put,
            delete: $delete,
            read: $read,
        };
    )*};
}

inline! {
    GROUP: "AWS::IAM::GroupPolicy", "GroupName", "PutGroupPolicy", "DeleteGroupPolicy", reading::GROUP;
    ROLE: "AWS::IAM::RolePolicy", "RoleName", "PutRolePolicy", "DeleteRolePolicy", reading::ROLE;
    USER: "AWS::IAM::UserPolicy", "UserName", "PutUserPolicy", "DeleteUserPolicy", reading::USER;
}

impl Provider for Inline {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn properties(&self) -> &'static [Property] {
        self.properties
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let holder = json!(work.text(self.holder));
            let shown = self.read.policy(work, &holder, &json!(work.text("PolicyName"))).await?;
            Ok(shown.map(|document| {
                let mut now = properties(json!({ "PolicyDocument": document }));
                work.as_given(&["PolicyName", self.holder], &mut now);
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let (holder, name) = (work.text(self.holder), work.text("PolicyName"));
            let document = to_text(work.get("PolicyDocument"));
            let input = json!({ self.holder: holder, "PolicyName": name, "PolicyDocument": document });
            work.call("iam", self.put, input).await?;
            Ok(work.made(format!("{name}|{holder}"), Value::Null))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        self.create(work)
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let part = |name: &str| text(old.properties.get(name));
            let input = json!({ self.holder: part(self.holder), "PolicyName": part("PolicyName") });
            gone(work.call("iam", self.delete, input).await)
        })
    }
}
