//! `AWS::IAM::RolePolicy`, `UserPolicy` and `GroupPolicy`: one inline policy of one holder.
//!
//! Refuses a name that the holder has a policy of already: that one is somebody else's.

use serde_json::{Value, json};

use super::document::to_text;
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

    /// The id of the receipt that a policy's first put leaves.
    fn receipt(&self, part: impl Fn(&str) -> String) -> String {
        let kind = self.holder.trim_end_matches("Name").to_ascii_lowercase();
        format!("{kind}/{}/{}", part(self.holder), part("PolicyName"))
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

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        let own = self.receipt(|name| text(planned.properties.get(name)));
        (id == own).then(|| planned.clone())
    }

    /// Puts once more what it put before: meanwhile the holder is not without it.
    // SECURITY: by the receipt alone. Somebody else's policy may have this name and say the very same.
    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            if !work.has_receipt(&self.receipt(|name| work.text(name)))? {
                return Ok(None);
            }
            let made = work.made(self.id(work), Value::Null);
            self.put(work).await.map(Some).map_err(|failure| failure.after(&made))
        })
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
