//! The calls of a deployment: CloudFormation's, STS's and S3's, as any client makes them.
//!
//! Decides nothing.

use base::Timestamp;
use cloudformation::api::StackEvent;

use crate::Error;
use crate::client::Client;
use crate::trail::{Page, Trail};
use crate::xml::{element, elements, pieces};

const CLOUDFORMATION: &str = "2010-05-15";
const STS: &str = "2011-06-15";

/// How a stack is brought about.
#[derive(Clone, Copy)]
pub(super) enum Call {
    Create,
    Update,
    /// By a change set that is not executed.
    Plan,
}

/// A stack as it is told.
#[derive(Clone, Default)]
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    /// The keys of its parameters.
    pub(super) parameters: Vec<String>,
    pub(super) outputs: Vec<(String, String)>,
}

/// A change set as it is told.
#[derive(Clone, Default)]
pub(super) struct ChangeSet {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) stack_id: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) changes: Vec<Change>,
}

/// What becomes of a resource.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) kind: String,
    pub(super) replacement: Option<String>,
}

pub(super) struct Calls {
    client: Client,
}

impl Calls {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The port that the platform listens on.
    pub(super) fn port(&self) -> u16 {
        self.client.port()
    }

    fn cloudformation(&self, action: &str, more: &[(&str, &str)]) -> Result<String, Error> {
        let mut parameters = vec![("Action", action)];
        parameters.extend_from_slice(more);
        self.client.query("cloudformation", CLOUDFORMATION, &parameters)
    }

    /// The stack of this name or id, if there is one.
    pub(super) fn stack(&self, name: &str) -> Result<Option<Stack>, Error> {
        match self.cloudformation("DescribeStacks", &[("StackName", name)]) {
            Ok(xml) => Ok(Some(read_stack(&xml))),
            Err(error) if error.to_string().contains("does not exist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The trail of a stack's events, behind those that there are.
    pub(super) fn trail(&self, id: &str) -> Result<Trail, Error> {
        Ok(Trail::behind(self.page_of_events(id, None)?))
    }

    /// The events since the last time, oldest first.
    pub(super) fn news(&self, id: &str, trail: &mut Trail) -> Result<Vec<StackEvent>, Error> {
        let mut next = trail.take(self.page_of_events(id, None)?);
        while let Some(token) = next {
            next = trail.take(self.page_of_events(id, Some(&token))?);
        }
        Ok(trail.news())
    }

    fn page_of_events(&self, id: &str, token: Option<&str>) -> Result<Page, Error> {
        let mut input = vec![("StackName", id)];
        input.extend(token.map(|token| ("NextToken", token)));
        let xml = self.cloudformation("DescribeStackEvents", &input)?;
        let events = pieces(&xml, "member").into_iter().map(read_event).collect();
        Ok((events, element(&xml, "NextToken")))
    }

    /// Begins to create or update a stack, and answers its id; or to make a change set, and answers that one's.
    pub(super) fn begin(&self, call: Call, input: &[(String, String)]) -> Result<String, Error> {
        let (action, id) = match call {
            Call::Create => ("CreateStack", "StackId"),
            Call::Update => ("UpdateStack", "StackId"),
            Call::Plan => ("CreateChangeSet", "Id"),
        };
        let input: Vec<(&str, &str)> = input.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let xml = self.cloudformation(action, &input)?;
        element(&xml, id).ok_or_else(|| "the platform named nothing that it began".into())
    }

    /// A page of a change set, and the token of the next.
    pub(super) fn change_set(
        &self,
        id: &str,
        token: Option<&str>,
    ) -> Result<(ChangeSet, Option<String>), Error> {
        let mut input = vec![("ChangeSetName", id)];
        input.extend(token.map(|token| ("NextToken", token)));
        let xml = self.cloudformation("DescribeChangeSet", &input)?;
        Ok((read_change_set(&xml), element(&xml, "NextToken")))
    }

    /// Begins to delete a stack.
    pub(super) fn delete(&self, id: &str) -> Result<(), Error> {
        self.cloudformation("DeleteStack", &[("StackName", id)]).map(drop)
    }

    /// The account's own bucket for packages; it is made where it is not there.
    pub(super) fn own_bucket(&self) -> Result<String, Error> {
        let caller = self.client.query("sts", STS, &[("Action", "GetCallerIdentity")])?;
        let account = element(&caller, "Account").ok_or("the platform did not say whose account this is")?;
        let name = own_bucket_name(&account, self.client.region());
        match self.client.put("s3", &format!("/{name}"), &bucket_place(self.client.region())) {
            Err(error) if !error.to_string().contains("BucketAlreadyOwnedByYou") => return Err(error),
            _ => {}
        }
        Ok(name)
    }

    /// Puts an object.
    pub(super) fn put_object(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), Error> {
        self.client.put("s3", &format!("/{bucket}/{key}"), body)
    }
}

/// The bucket that packages of an account are put into, where none is named.
pub(crate) fn own_bucket_name(account: &str, region: &str) -> String {
    format!("fastness-packages-{account}-{region}")
}

/// Where a new bucket stands; the first region's is not named.
fn bucket_place(region: &str) -> Vec<u8> {
    if region == "us-east-1" {
        return Vec::new();
    }
    let space = "http://s3.amazonaws.com/doc/2006-03-01/";
    format!(
        "<CreateBucketConfiguration xmlns=\"{space}\"><LocationConstraint>{region}</LocationConstraint>\
         </CreateBucketConfiguration>"
    )
    .into_bytes()
}

fn read_stack(xml: &str) -> Stack {
    let text = |name: &str| element(xml, name);
    let section = |name: &str| pieces(xml, name).first().copied().unwrap_or_default();
    let outputs = pieces(section("Outputs"), "member").into_iter();
    Stack {
        id: text("StackId").unwrap_or_default(),
        name: text("StackName").unwrap_or_default(),
        status: text("StackStatus").unwrap_or_default(),
        reason: text("StackStatusReason"),
        parameters: elements(section("Parameters"), "ParameterKey"),
        outputs: outputs
            .filter_map(|output| Some((element(output, "OutputKey")?, element(output, "OutputValue")?)))
            .collect(),
    }
}

fn read_change_set(xml: &str) -> ChangeSet {
    let text = |name: &str| element(xml, name).unwrap_or_default();
    let change = |change: &str| Change {
        action: element(change, "Action").unwrap_or_default(),
        resource: element(change, "LogicalResourceId").unwrap_or_default(),
        kind: element(change, "ResourceType").unwrap_or_default(),
        replacement: element(change, "Replacement"),
    };
    ChangeSet {
        id: text("ChangeSetId"),
        name: text("ChangeSetName"),
        stack_id: text("StackId"),
        status: text("Status"),
        reason: element(xml, "StatusReason"),
        changes: pieces(xml, "ResourceChange").into_iter().map(change).collect(),
    }
}

fn read_event(xml: &str) -> StackEvent {
    let text = |name: &str| element(xml, name);
    StackEvent {
        stack_id: text("StackId").unwrap_or_default(),
        event_id: text("EventId").unwrap_or_default(),
        stack_name: text("StackName").unwrap_or_default(),
        logical_resource_id: text("LogicalResourceId"),
        physical_resource_id: text("PhysicalResourceId"),
        resource_type: text("ResourceType"),
        timestamp: Timestamp::default(),
        resource_status: text("ResourceStatus"),
        resource_status_reason: text("ResourceStatusReason"),
        ..StackEvent::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_read() {
        let xml = "<Stacks><member><StackId>arn:s</StackId><StackName>s</StackName><StackStatus>CREATE_COMPLETE</StackStatus>\
                   <Parameters><member><ParameterKey>Size</ParameterKey><ParameterValue>1</ParameterValue></member></Parameters>\
                   <Outputs><member><OutputKey>U</OutputKey><OutputValue>a&amp;b</OutputValue></member></Outputs></member></Stacks>";
        let stack = read_stack(xml);
        assert_eq!((stack.id.as_str(), stack.status.as_str()), ("arn:s", "CREATE_COMPLETE"));
        assert_eq!(stack.parameters, ["Size"]);
        assert_eq!(stack.outputs, [("U".to_owned(), "a&b".to_owned())]);
    }

    #[test]
    fn a_change_set_is_read() {
        let xml = "<ChangeSetName>c</ChangeSetName><ChangeSetId>arn:c</ChangeSetId><StackId>arn:s</StackId><Status>CREATE_COMPLETE</Status>\
                   <Changes><member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>G</LogicalResourceId>\
                   <ResourceType>T</ResourceType><Replacement>True</Replacement><Scope><member>Tags</member></Scope></ResourceChange></member>\
                   <member><ResourceChange><Action>Add</Action><LogicalResourceId>H</LogicalResourceId></ResourceChange></member></Changes>";
        let set = read_change_set(xml);
        assert_eq!(
            (set.id.as_str(), set.status.as_str(), set.stack_id.as_str()),
            ("arn:c", "CREATE_COMPLETE", "arn:s")
        );
        let [modified, added] = &set.changes[..] else { panic!() };
        assert_eq!((modified.resource.as_str(), modified.replacement.as_deref()), ("G", Some("True")));
        assert_eq!((added.action.as_str(), added.resource.as_str()), ("Add", "H"));
    }
}
