//! `AWS::IAM::ServerCertificate`. The private key is a property: the store seals it, and nothing shows it.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Property, Provider, Work, gone, optional, seen, tags};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct ServerCertificate;

const PROPERTIES: [Property; 6] = [
    optional("CertificateBody").fixed(),
    optional("CertificateChain").fixed(),
    optional("Path"),
    optional("PrivateKey").fixed(),
    optional("ServerCertificateName").fixed(),
    optional("Tags"),
];

fn called(of: &Physical) -> Value {
    json!({ "ServerCertificateName": of.id })
}

impl Provider for ServerCertificate {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ServerCertificate"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("iam", "UploadServerCertificate"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("ServerCertificateName", 128))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let made = work.made(&work.planned, Value::Null);
            let shown = seen(work.call("iam", "GetServerCertificate", called(&made)).await)?;
            let tags = shown.as_ref().and_then(|shown| shown.pointer("/ServerCertificate/Tags"));
            Ok(work.is_marked(tags).then_some(made))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules {
            unread: &["/CertificateBody", "/CertificateChain", "/PrivateKey"],
            whole: &[],
            ordered: &[],
        };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetServerCertificate", called(of)).await)?;
            Ok(shown.map(|shown| {
                let metadata = "/ServerCertificate/ServerCertificateMetadata";
                properties(json!({
                    "Path": shown.pointer(&format!("{metadata}/Path")),
                    "ServerCertificateName": shown.pointer(&format!("{metadata}/ServerCertificateName")),
                    "Tags": tags::own(shown.pointer("/ServerCertificate/Tags")),
                }))
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["CertificateBody", "CertificateChain", "Path", "PrivateKey", "Tags"]);
            input.insert("ServerCertificateName".to_owned(), work.planned.clone().into());
            let answer = work.call("iam", "UploadServerCertificate", Value::Object(input)).await?;
            let arn = answer.pointer("/ServerCertificateMetadata/Arn");
            Ok(work.made(&work.planned, json!({ "Arn": arn })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut attributes = old.attributes.clone();
            if old.properties.get("Path") != work.get("Path") {
                let path = work.get("Path").cloned().unwrap_or_else(|| json!("/"));
                let input = json!({ "ServerCertificateName": old.id, "NewPath": path });
                work.call("iam", "UpdateServerCertificate", input).await?;
                let shown = work.call("iam", "GetServerCertificate", called(old)).await?;
                let arn = shown.pointer("/ServerCertificate/ServerCertificateMetadata/Arn");
                attributes.extend(arn.map(|arn| ("Arn".to_owned(), arn.clone())));
            }
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                let of = json!({ "ServerCertificateName": old.id });
                tags::take_off(work, ("iam", "UntagServerCertificate"), &of, "TagKeys", removed).await?;
            }
            if !set.is_empty() {
                let input = json!({ "ServerCertificateName": old.id, "Tags": tags::to_list(set) });
                work.call("iam", "TagServerCertificate", input).await?;
            }
            Ok(work.made(&old.id, Value::Object(attributes)))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move { gone(work.call("iam", "DeleteServerCertificate", called(old)).await) })
    }
}
