//! `AWS::IAM::RolePolicy`, `UserPolicy` and `GroupPolicy`: one inline policy of one holder.
//!
//! Refuses a name that the holder has a policy of already: that one is somebody else's.

use serde_json::{Value, json};

use super::document::{is_document, to_text};
use super::reading::{self, Holder, Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, optional, required, text};
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

impl Inline {
    fn id(&self, work: &Work) -> String {
        format!("{}|{}", work.text("PolicyName"), work.text(self.holder))
    }

    /// The policy of that name that the holder has.
    async fn shown(&self, work: &Work) -> Result<Option<Value>, Failure> {
        self.read.policy(work, &json!(work.text(self.holder)), &json!(work.text("PolicyName"))).await
    }

    async fn put(&self, work: &Work) -> Result<Physical, Failure> {
        let document = to_text(work.get("PolicyDocument"));
        let (holder, name) = (work.text(self.holder), work.text("PolicyName"));
        let input = json!({ self.holder: holder, "PolicyName": name, "PolicyDocument": document });
        work.call("iam", self.put, input).await?;
        Ok(work.made(self.id(work), Value::Null))
    }
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
            Ok(self.shown(work).await?.map(|document| {
                let mut now = properties(json!({ "PolicyDocument": document }));
                work.as_given(&["PolicyName", self.holder], &mut now);
                now
            }))
        })
    }

    /// The very document that was about to be put: a holder with another policy of that name was refused.
    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let same =
                self.shown(work).await?.is_some_and(|shown| is_document(&shown, work.get("PolicyDocument")));
            Ok(same.then(|| work.made(self.id(work), Value::Null)))
        })
    }

    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        self.find(work)
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            if self.shown(work).await?.is_some() {
                let (kind, id) = (self.kind, self.id(work));
                return Err(Failure::exists(format_args!(
                    "Resource of type '{kind}' with identifier '{id}' already exists."
                )));
            }
            self.put(work).await
        })
    }

    fn update<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(self.put(work))
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let part = |name: &str| text(old.properties.get(name));
            let input = json!({ self.holder: part(self.holder), "PolicyName": part("PolicyName") });
            gone(work.call("iam", self.delete, input).await)
        })
    }
}
