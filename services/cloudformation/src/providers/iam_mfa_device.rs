//! `AWS::IAM::VirtualMFADevice`. Its seed is shown to nobody: on AWS, too, a device made by a stack has to be enabled by hand
//! before it counts, and `Users` says for whom it is meant.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Property, Provider, Work, gone, list, optional, required, seen, tags, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct VirtualMfaDevice;

const PROPERTIES: [Property; 4] =
    [optional("Path").fixed(), optional("Tags"), required("Users"), optional("VirtualMfaDeviceName").fixed()];

impl Provider for VirtualMfaDevice {
    fn kind(&self) -> &'static str {
        "AWS::IAM::VirtualMFADevice"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("iam", "CreateVirtualMFADevice"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("VirtualMfaDeviceName", 226))
    }

    fn owns_planned(&self) -> bool {
        // The service gives the id.
        false
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let account = work.caller.account;
            let path = work.get("Path").map_or_else(|| "/".to_owned(), |path| text(Some(path)));
            let name = format!("mfa{path}{}", work.planned);
            let serial = base::Arn::new("iam", "", account.as_str(), name).to_string();
            let input = json!({ "SerialNumber": serial });
            let shown = seen(work.call("iam", "ListMFADeviceTags", input).await)?;
            let ours = work.is_marked(shown.as_ref().and_then(|shown| shown.get("Tags")));
            Ok(ours.then(|| work.made(serial, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &["/Users"], whole: &[], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = work.call("iam", "ListVirtualMFADevices", json!({ "MaxItems": 1_000 })).await?;
            let mut devices = list(shown.get("VirtualMFADevices")).iter();
            if !devices.any(|device| text(device.get("SerialNumber")) == of.id) {
                return Ok(None);
            }
            let tags = work.call("iam", "ListMFADeviceTags", json!({ "SerialNumber": of.id })).await?;
            let mut now = properties(json!({ "Tags": tags::own(tags.get("Tags")) }));
            now.extend(work.pick(&["Path", "VirtualMfaDeviceName"]));
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Path", "Tags"]);
            input.insert("VirtualMFADeviceName".to_owned(), work.planned.clone().into());
            let answer = work.call("iam", "CreateVirtualMFADevice", Value::Object(input)).await?;
            let serial = text(answer.pointer("/VirtualMFADevice/SerialNumber"));
            Ok(work.made(&serial, json!({ "SerialNumber": serial })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                let of = json!({ "SerialNumber": old.id });
                tags::take_off(work, ("iam", "UntagMFADevice"), &of, "TagKeys", removed).await?;
            }
            if !set.is_empty() {
                let input = json!({ "SerialNumber": old.id, "Tags": tags::to_list(set) });
                work.call("iam", "TagMFADevice", input).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call("iam", "DeleteVirtualMFADevice", json!({ "SerialNumber": old.id })).await)
        })
    }
}
