//! What handlers share: the store, the files, and the few steps that all operations begin with.
//!
//! Decides nothing about leave; what is looked up here is looked up after that was given.

use std::io;
use std::path::PathBuf;

use crypto::Sealer;
use protocol::ByteStream;
use service::{Access, Call};
use store::{Key, Range, Store};

use crate::api;
use crate::content::{Files, Piece, read};
use crate::error::Error;
use crate::model::name;
use crate::records::{self, BucketRecord, Content, FILES, PARTS, PartRecord, VersionRecord, decode};
use crate::versions;

/// The service's state.
pub(crate) struct S3 {
    pub(crate) store: Store,
    pub(crate) files: Files,
}

impl S3 {
    /// Opens the folder of contents and deletes the files that no record names: what was on its way when the process
    /// ended.
    pub(crate) fn open(store: Store, folder: PathBuf, sealer: Sealer) -> io::Result<Self> {
        let room = store.clone();
        let files = Files::open(folder, sealer, move || room.has_room())?;
        for id in files.ids()? {
            let named = store.get(FILES, Key::new().str(&id)).map_err(io::Error::other)?;
            if named.is_none() {
                files.delete(&id)?;
            }
        }
        Ok(Self { store, files })
    }

    /// The bucket, which must be whose the caller believes.
    pub(crate) fn bucket(&self, bucket: &str, expected_owner: Option<&str>) -> Result<BucketRecord, Error> {
        let record = records::bucket(&self.store, bucket)?;
        match expected_owner {
            Some(owner) if owner != record.account.as_str() => {
                Err(Error::new("AccessDenied", 403, "Access Denied"))
            }
            _ => Ok(record),
        }
    }

    /// The version that a reader asks for. Markers are errors of their own.
    pub(crate) fn readable(
        &self,
        call: &Call,
        bucket_name: &str,
        bucket: &BucketRecord,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<VersionRecord, Error> {
        let Some(id) = version_id else {
            let error = match versions::newest(&self.store, &bucket.id, key)? {
                Some(version) if !version.marker => return Ok(version),
                Some(marker) => Error::deleted(key, &marker),
                None => Error::no_such_key(key),
            };
            return Err(self.absent(call, bucket_name, bucket, error));
        };
        check_version_id(id)?;
        let found = versions::version(&self.store, &bucket.id, key, id)?;
        match found {
            Some(version) if version.marker => Err(Error::is_marker(&version)),
            Some(version) => Ok(version),
            None => Err(self.absent(call, bucket_name, bucket, Error::no_such_version(key, id))),
        }
    }

    // SECURITY: only who may list a bucket learns that there is no such key in it.
    fn absent(&self, call: &Call, bucket_name: &str, bucket: &BucketRecord, error: Error) -> Error {
        let policy = crate::access::policy_of(bucket, call.principal()).ok().flatten();
        let list = Access::to("s3:ListBucket", name::arn(bucket_name, None))
            .owned_by(bucket.account)
            .resource_policy(policy);
        call.ask(&list).map_or_else(Error::from, |()| error)
    }

    /// The pieces of an object's content.
    pub(crate) fn pieces(&self, version: &VersionRecord) -> Result<Vec<Piece>, Error> {
        let Content::Parts(upload) = &version.content else {
            return Ok(vec![Piece { content: version.content.clone(), size: version.size }]);
        };
        let parts = self.store.scan(PARTS, &Range::prefix(Key::new().str(upload)))?;
        parts
            .iter()
            .map(|(_, stored)| {
                let part: PartRecord = decode(stored)?;
                Ok(Piece { content: part.content, size: part.size })
            })
            .collect()
    }

    /// The bytes from `from` to before `to` of a version.
    pub(crate) fn bytes(&self, version: &VersionRecord, from: u64, to: u64) -> Result<ByteStream, Error> {
        Ok(read(&self.store, &self.files, self.pieces(version)?, from, to))
    }
}

/// Refuses an id that no version can have.
pub(crate) fn check_version_id(id: &str) -> Result<(), Error> {
    if id == "null" || name::place_of(id).is_some() {
        return Ok(());
    }
    Err(Error::invalid_argument("Invalid version id specified", "versionId", id))
}

/// The account as S3 names owners.
pub(crate) fn owner(account: base::AccountId) -> api::Owner {
    let id = hex::encode(crypto::sha256(format!("s3 canonical id {account}").as_bytes()));
    api::Owner { display_name: None, id: Some(id) }
}
