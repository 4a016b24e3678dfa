//! What is stored of backups, of tables that are restored, and of the copying that makes either.
//!
//! It knows no store. A backup's items are stored like a table's, under an id of the backup's own.

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::Key;

use super::{DamagedRecord, TableRecord, table_arn};
use crate::invalid::Invalid;
use crate::tables::Target;

/// The version that the records of this module are written in.
const VERSION: u8 = 1;

/// Who asked for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupKind {
    /// Somebody did.
    User,
    /// The deletion of a table whose changes were kept did.
    System,
}

impl BackupKind {
    /// The kind's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::System => "SYSTEM",
        }
    }
}

/// A table as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRecord {
    version: u8,
    /// Names the items; given out like the ids of tables.
    pub items: u64,
    /// The last part of its ARN.
    pub id: String,
    /// The name that it was given; several may have the same.
    pub name: String,
    /// Who asked for it.
    pub kind: BackupKind,
    /// The moment whose state it holds.
    pub created: Timestamp,
    /// When it goes by itself.
    pub expires: Option<Timestamp>,
    /// False while its items are being gathered.
    pub is_complete: bool,
    /// How many items it has, once it is complete.
    pub count: i64,
    /// How many bytes they count for.
    pub bytes: i64,
    /// The table's description at that moment.
    pub table: TableRecord,
}

impl BackupRecord {
    /// A backup of a table; its items are still to be gathered.
    pub fn new(items: u64, name: String, kind: BackupKind, table: TableRecord, created: Timestamp) -> Self {
        let id = format!("{:014}-{}", created.millis().max(0), crypto::random::hex(4));
        Self {
            version: VERSION,
            items,
            id,
            name,
            kind,
            created,
            expires: None,
            is_complete: false,
            count: 0,
            bytes: 0,
            table,
        }
    }

    /// Which backup this is.
    pub fn place(&self) -> BackupPlace {
        BackupPlace {
            account: self.table.account,
            region: self.table.region.clone(),
            table: self.table.name.clone(),
            id: self.id.clone(),
        }
    }

    /// The stored bytes.
    ///
    /// # Errors
    /// Never, in practice: the record is plain data.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The record in these bytes.
    ///
    /// # Errors
    /// The bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedRecord> {
        let record: Self = serde_json::from_slice(bytes)?;
        if record.version == VERSION { Ok(record) } else { Err(DamagedRecord::Version(record.version)) }
    }
}

/// Which backup is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPlace {
    /// The owner.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// The name of the table that it was made of.
    pub table: String,
    /// The last part of its ARN.
    pub id: String,
}

impl BackupPlace {
    /// From a backup's ARN.
    ///
    /// # Errors
    /// It is none, or names another region.
    pub fn of_arn(text: &str, region: &Region) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("Invalid Request: BackupArn is not valid");
        let (table, id) = text.rsplit_once("/backup/").ok_or_else(invalid)?;
        let (millis, suffix) = id.split_once('-').ok_or_else(invalid)?;
        let is_id = (millis.len(), suffix.len()) == (14, 8)
            && millis.bytes().all(|byte| byte.is_ascii_digit())
            && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
        let target = Target::of_arn(table, region).map_err(|_| invalid())?;
        if !is_id {
            return Err(invalid());
        }
        let Target { account, region, name } = target;
        Ok(Self { account, region, table: name, id: id.to_owned() })
    }

    /// The backup's ARN, whether it exists or not.
    pub fn arn(&self) -> String {
        format!("{}/backup/{}", table_arn(self.account, &self.region, &self.table), self.id)
    }

    /// Where it is stored.
    pub fn key(&self) -> Key {
        backups_of(self.account, &self.region).str(&self.table).str(&self.id)
    }
}

/// Where the backups of an account are stored.
pub fn backups_of(account: AccountId, region: &Region) -> Key {
    Key::new().str(account.as_str()).str(region.as_str())
}

/// What a table remembers of having been restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The backup that it was made from, if it was one.
    pub backup: Option<String>,
    /// The table that it was made from, or whose backup that was.
    pub table: String,
    /// The moment whose state it was made with.
    pub at: Timestamp,
    /// True while its items are being gathered.
    pub in_progress: bool,
}

/// How a table's past is kept: see [`crate::history`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryOfTable {
    /// Names the stored changes; given out like the ids of tables.
    pub id: u64,
    /// How many copies of the table are being made, which need the changes since they began.
    pub copies: u32,
    /// Whether any moment of the past can be asked for.
    pub recovery: Option<Recovery>,
}

/// That any moment of the past can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Since when.
    pub since: Timestamp,
    /// How many days back at most.
    pub days: u32,
}

impl Recovery {
    /// The first whole second that can be restored.
    pub fn earliest(self, now: Timestamp) -> Timestamp {
        let first = Timestamp::from_secs(self.since.plus_millis(999).secs());
        first.max(Timestamp::from_secs(now.secs()).plus_secs(-i64::from(self.days) * 24 * 3_600))
    }
}

/// Items that are on their way from one id to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRecord {
    version: u8,
    /// Under which id the items are.
    pub source: u64,
    /// Where the source is a table that lives: whose it is, and the moment that is wanted.
    pub live: Option<LiveSource>,
    /// What they are copied for.
    pub purpose: CopyPurpose,
}

/// A table that changes while it is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSource {
    /// The table's name; owner and region are those of what is made.
    pub table: String,
    /// Under which id its changes are stored.
    pub history: u64,
    /// The last change that is wanted, as a sequence number.
    pub last: u64,
}

/// What items are copied for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyPurpose {
    /// A backup.
    Backup(BackupPlace),
    /// A table that is restored.
    Table {
        /// The owner.
        account: AccountId,
        /// Where it is.
        region: Region,
        /// Its name.
        name: String,
    },
}

impl CopyRecord {
    /// Items that are to be copied.
    pub const fn new(source: u64, live: Option<LiveSource>, purpose: CopyPurpose) -> Self {
        Self { version: VERSION, source, live, purpose }
    }

    /// For whom it is made.
    pub const fn account(&self) -> AccountId {
        match &self.purpose {
            CopyPurpose::Backup(place) => place.account,
            CopyPurpose::Table { account, .. } => *account,
        }
    }

    /// The stored bytes.
    ///
    /// # Errors
    /// Never, in practice: the record is plain data.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The record in these bytes.
    ///
    /// # Errors
    /// The bytes are damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedRecord> {
        let record: Self = serde_json::from_slice(bytes)?;
        if record.version == VERSION { Ok(record) } else { Err(DamagedRecord::Version(record.version)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: &str = r#"{"version":1,"source":7,"live":{"table":"Orders","history":9,"last":5},"purpose":{"Backup":{"account":"000000000001","region":"us-east-1","table":"Orders","id":"00000000001000-0a0b0c0d"}}}"#;

    #[test]
    fn the_stored_form_of_copies_does_not_change() {
        let record = CopyRecord::decode(COPY.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), COPY);
        let CopyPurpose::Backup(place) = &record.purpose else { panic!("{record:?}") };
        assert_eq!(
            place.arn(),
            "arn:aws:dynamodb:us-east-1:000000000001:table/Orders/backup/00000000001000-0a0b0c0d"
        );
        let region = "us-east-1".parse().unwrap();
        assert_eq!(BackupPlace::of_arn(&place.arn(), &region).as_ref(), Ok(place));
        for arn in [
            "arn:aws:dynamodb:us-east-1:000000000001:table/Orders",
            "arn:aws:dynamodb:us-east-2:000000000001:table/Orders/backup/00000000001000-0a0b0c0d",
            "arn:aws:dynamodb:us-east-1:000000000001:table/Orders/backup/0000000001000-0a0b0c0d",
            "arn:aws:dynamodb:us-east-1:000000000001:table/Orders/backup/00000000001000-0a0b0c0",
            "/backup/",
        ] {
            assert!(BackupPlace::of_arn(arn, &region).is_err(), "{arn}");
        }
        let newer = COPY.replacen("\"version\":1", "\"version\":2", 1);
        assert!(matches!(CopyRecord::decode(newer.as_bytes()), Err(DamagedRecord::Version(2))));
    }

    #[test]
    fn the_first_moment_is_a_whole_second_within_the_period() {
        let recovery = Recovery { since: Timestamp::from_millis(5_300), days: 1 };
        assert_eq!(recovery.earliest(Timestamp::from_secs(10)), Timestamp::from_secs(6));
        let day = 24 * 3_600;
        assert_eq!(
            recovery.earliest(Timestamp::from_millis((day + 100) * 1_000 + 7)),
            Timestamp::from_secs(100)
        );
    }
}
