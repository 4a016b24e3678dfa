//! `AWS::IAM::OIDCProvider`: an identity provider whose tokens roles may trust.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, seen, tags, taken_out, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct OidcProvider;

const PROPERTIES: [Property; 4] =
    [optional("ClientIdList"), optional("Tags"), optional("ThumbprintList"), optional("Url").fixed()];

fn called(of: &Physical) -> Value {
    json!({ "OpenIDConnectProviderArn": of.id })
}

impl Provider for OidcProvider {
    fn kind(&self) -> &'static str {
        "AWS::IAM::OIDCProvider"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("iam", "CreateOpenIDConnectProvider"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let url = work.text("Url");
            let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host).trim_end_matches('/');
            let account = work.caller.account;
            let arn =
                base::Arn::new("iam", "", account.as_str(), format!("oidc-provider/{host}")).to_string();
            let made = work.made(&arn, json!({ "Arn": arn }));
            let shown = seen(work.call("iam", "GetOpenIDConnectProvider", called(&made)).await)?;
            Ok(shown.filter(|shown| work.is_marked(shown.get("Tags"))).map(|_| made))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetOpenIDConnectProvider", called(of)).await)?;
            Ok(shown.map(|shown| {
                let mut now = properties(json!({
                    "ClientIdList": shown.get("ClientIDList"),
                    "Tags": tags::own(shown.get("Tags")),
                    "ThumbprintList": shown.get("ThumbprintList"),
                }));
                now.extend(work.pick(&["Url"]));
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Tags", "ThumbprintList", "Url"]);
            input.extend(work.get("ClientIdList").map(|list| ("ClientIDList".to_owned(), list.clone())));
            let answer = work.call("iam", "CreateOpenIDConnectProvider", Value::Object(input)).await?;
            let arn = text(answer.get("OpenIDConnectProviderArn"));
            Ok(work.made(&arn, json!({ "Arn": arn })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            clients(work, old).await?;
            if old.properties.get("ThumbprintList") != work.get("ThumbprintList") {
                let thumbprints = work.get("ThumbprintList").cloned().unwrap_or_else(|| json!([]));
                let input = json!({ "OpenIDConnectProviderArn": old.id, "ThumbprintList": thumbprints });
                work.call("iam", "UpdateOpenIDConnectProviderThumbprint", input).await?;
            }
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                let of = json!({ "OpenIDConnectProviderArn": old.id });
                tags::take_off(work, ("iam", "UntagOpenIDConnectProvider"), &of, "TagKeys", removed).await?;
            }
            if !set.is_empty() {
                let input = json!({ "OpenIDConnectProviderArn": old.id, "Tags": tags::to_list(set) });
                work.call("iam", "TagOpenIDConnectProvider", input).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            if !old.id.starts_with("arn:") {
                return Ok(());
            }
            gone(work.call("iam", "DeleteOpenIDConnectProvider", called(old)).await)
        })
    }
}

async fn clients(work: &Work, old: &Physical) -> Result<(), Failure> {
    let (present, wanted) = (list(old.properties.get("ClientIdList")), list(work.get("ClientIdList")));
    for id in wanted.iter().filter(|id| !present.contains(id)) {
        let input = json!({ "OpenIDConnectProviderArn": old.id, "ClientID": id });
        work.call("iam", "AddClientIDToOpenIDConnectProvider", input).await?;
    }
    for id in present.iter().filter(|id| !wanted.contains(id)) {
        let input = json!({ "OpenIDConnectProviderArn": old.id, "ClientID": id });
        taken_out(work.call("iam", "RemoveClientIDFromOpenIDConnectProvider", input).await)?;
    }
    Ok(())
}
