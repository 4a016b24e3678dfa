//! What the API answers when it refuses.
//!
//! Shapes with more members than a message are made by functions here; they travel as passed faults.

use protocol::{Entries, IntoValue, Structure, Value};
use service::error::Fault;

use crate::attribute::Attributes;
use crate::invalid::Invalid;
use crate::item::DamagedItem;
use crate::throughput::Direction;

service::service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// The request breaks a rule that the model does not hold.
        Validation = "ValidationException",
        /// The table or what belongs to it is not there.
        ResourceNotFound = "ResourceNotFoundException",
        /// The table is not there, in the words of operations on backups.
        TableNotFound = "TableNotFoundException",
        /// The table is being made or changed, in the words of operations on backups.
        TableInUse = "TableInUseException",
        /// The table exists already, in the words of operations on backups.
        TableAlreadyExists = "TableAlreadyExistsException",
        /// There is no such backup.
        BackupNotFound = "BackupNotFoundException",
        /// The backup is being made, or a table restored from it.
        BackupInUse = "BackupInUseException",
        /// The table's past is not kept.
        RecoveryUnavailable = "PointInTimeRecoveryUnavailableException",
        /// The moment lies outside of what can be restored.
        InvalidRestoreTime = "InvalidRestoreTimeException",
        /// The table exists already, or is protected.
        ResourceInUse = "ResourceInUseException",
        /// There are too many tables.
        LimitExceeded = "LimitExceededException",
        /// The table has no resource policy, or another revision of it.
        PolicyNotFound = "PolicyNotFoundException",
        /// A client token came with another request before.
        IdempotentParameterMismatch = "IdempotentParameterMismatchException",
        /// There is an item of this key already.
        DuplicateItem = "DuplicateItemException",
        /// The items of one partition are too much for a table with local indexes.
        CollectionTooLarge = "ItemCollectionSizeLimitExceededException",
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Validation(invalid.into_message())
    }
}

impl From<DamagedItem> for Error {
    fn from(damaged: DamagedItem) -> Self {
        Self::Internal(service::Internal::new(damaged))
    }
}

/// What is said of an INSERT of a key that is there.
pub(crate) const DUPLICATE: &str = "Duplicate primary key exists in table";
/// What is said of a failed condition.
const CONDITION_FAILED: &str = "The conditional request failed";

/// A condition that did not hold; the item as it is, where the caller asked for it.
pub(crate) fn condition_failed(item: Option<Attributes>) -> Error {
    let fault = Fault::sender("ConditionalCheckFailedException", CONDITION_FAILED);
    Error::from(match item {
        Some(item) => fault.with_member("Item", Entries::from(item)),
        None => fault,
    })
}

/// What has nothing left of its throughput.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// True where it is paid for by request, and has used the most that it may.
    pub(crate) is_on_demand: bool,
    /// True for an index.
    pub(crate) is_index: bool,
    /// What was wanted of it.
    pub(crate) direction: Direction,
    /// Its ARN.
    pub(crate) resource: String,
}

impl Spent {
    const fn message(&self) -> &'static str {
        match (self.is_on_demand, self.is_index) {
            (true, _) => "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
            (false, false) => {
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API."
            }
            (false, true) => {
                "The level of configured provisioned throughput for one or more global secondary indexes of the table \
                 was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary \
                 indexes with the UpdateTable API"
            }
        }
    }

    /// `TableReadProvisionedThroughputExceeded` and the like.
    fn reason(&self) -> String {
        let what = if self.is_index { "Index" } else { "Table" };
        let limit = if self.is_on_demand { "MaxOnDemand" } else { "Provisioned" };
        format!("{what}{}{limit}ThroughputExceeded", self.direction.name())
    }
}

impl From<Spent> for Error {
    fn from(spent: Spent) -> Self {
        // The first of both shapes begins its member in lower case.
        let (code, member) = if spent.is_on_demand {
            ("ThrottlingException", "throttlingReasons")
        } else {
            ("ProvisionedThroughputExceededException", "ThrottlingReasons")
        };
        let reason =
            Structure::new().with("reason", spent.reason()).with("resource", spent.resource.as_str());
        let fault = Fault::sender(code, spent.message());
        Self::from(fault.with_member(member, Value::List(vec![reason.into_value()])))
    }
}

/// Why one action of a transaction stands in its way.
#[derive(Debug)]
pub(crate) enum Cancellation {
    /// It does not.
    None,
    /// Its condition does not hold.
    Condition(Option<Attributes>),
    /// There is an item already.
    Duplicate(Option<Attributes>),
    /// The table or an index has nothing left of its throughput.
    Throttled(Spent),
    /// It cannot be applied to the item.
    Invalid(Invalid),
}

impl Cancellation {
    fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Condition(_) => "ConditionalCheckFailed",
            Self::Duplicate(_) => "DuplicateItem",
            Self::Throttled(spent) if spent.is_on_demand => "ThrottlingError",
            Self::Throttled(_) => "ProvisionedThroughputExceeded",
            Self::Invalid(_) => "ValidationError",
        }
    }
}

/// A transaction that was not carried out, with the reason of each of its actions.
pub(crate) fn transaction_cancelled(reasons: Vec<Cancellation>) -> Error {
    let codes: Vec<_> = reasons.iter().map(Cancellation::code).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let reasons: Vec<Value> = reasons
        .into_iter()
        .map(|reason| {
            let shape = Structure::new().with("Code", reason.code());
            let shape = match reason {
                Cancellation::None => shape,
                Cancellation::Condition(item) => {
                    shape.with("Message", CONDITION_FAILED).with("Item", item.map(Entries::from))
                }
                Cancellation::Duplicate(item) => {
                    shape.with("Message", DUPLICATE).with("Item", item.map(Entries::from))
                }
                Cancellation::Throttled(spent) => shape.with("Message", spent.message()),
                Cancellation::Invalid(invalid) => shape.with("Message", invalid.into_message()),
            };
            shape.into_value()
        })
        .collect();
    let fault = Fault::sender("TransactionCanceledException", message);
    Error::from(fault.with_member("CancellationReasons", Value::List(reasons)))
}
