//! What handlers share: the store, the files, and the few steps that all operations begin with.
//!
//! Decides nothing about leave; what is looked up here is looked up after that was given.

use std::io;
use std::path::PathBuf;

use crypto::Sealer;
use protocol::ByteStream;
use service::{Access, Call, Internal, View};
use store::{Key, Range, Read, Store};

use crate::api;
use crate::content::{Files, Held, Piece, Source, read};
use crate::error::Error;
use crate::model::name;
use crate::records::{
    self, BucketRecord, Content, DOOMED_PARTS, FILES, INLINE, PARTS, PartRecord, VersionRecord, decode,
};
use crate::versions;

/// How often a reader looks for content that others replace as fast as he looks.
const LOOKS_MAX: usize = 100;

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

    /// What `find` finds, with its content, which stays while somebody reads it.
    pub(crate) fn look<T>(
        &self,
        call: &Call,
        find: impl Fn(&View) -> Result<T, Error>,
        version: impl Fn(&T) -> &VersionRecord,
    ) -> Result<(T, Held), Error> {
        for _ in 0..LOOKS_MAX {
            let view = call.view()?;
            let found = find(&view)?;
            if let Some(held) = self.hold(&view, version(&found))? {
                return Ok((found, held));
            }
        }
        Err(Error::new("SlowDown", 503, "Please reduce your request rate."))
    }

    /// The content of a version; `None` where something else took its place since `view` was taken.
    fn hold(&self, view: &View, version: &VersionRecord) -> Result<Option<Held>, Error> {
        let (size, whole) = (version.size, |source| vec![Piece { source, size: version.size }]);
        match &version.content {
            Content::Nothing => Ok(Some(Held { pieces: Vec::new(), hold: None })),
            Content::Inline(id) => {
                let bytes = view.read(INLINE, &Key::new().str(id))?;
                let bytes = bytes.ok_or_else(|| Internal::new(format!("{size} bytes are gone")))?;
                Ok(Some(Held { pieces: whole(Source::Bytes(bytes)), hold: None }))
            }
            Content::File(id) => {
                // Held first and looked for then: what is doomed later finds the hold.
                let hold = self.files.hold(id);
                let is_there = self.store.get(FILES, Key::new().str(id))?.is_some();
                let pieces = whole(Source::Content(version.content.clone()));
                Ok(is_there.then_some(Held { pieces, hold: Some(hold) }))
            }
            Content::Parts(upload) => {
                let hold = self.files.hold(upload);
                let is_doomed = self.store.get(DOOMED_PARTS, Key::new().str(upload))?.is_some();
                // Behind the last question, since those that are gone are not doomed any more.
                let pieces = self.parts(upload)?;
                let is_there = !is_doomed && !pieces.is_empty();
                Ok(is_there.then_some(Held { pieces, hold: Some(hold) }))
            }
        }
    }

    fn parts(&self, upload: &str) -> Result<Vec<Piece>, Error> {
        let parts = self.store.scan(PARTS, &Range::prefix(Key::new().str(upload)))?;
        let piece = |(_, stored): &(Vec<u8>, bytes::Bytes)| {
            let part: PartRecord = decode(stored)?;
            Ok(Piece { source: Source::Content(part.content), size: part.size })
        };
        parts.iter().map(piece).collect()
    }

    /// The bytes from `from` to before `to`.
    pub(crate) fn bytes(&self, held: Held, from: u64, to: u64) -> ByteStream {
        read(&self.store, &self.files, held, from, to)
    }
}

/// What a call finds at one moment.
pub(crate) trait Lookup {
    /// The bucket, which must be whose the caller believes.
    fn bucket(&self, bucket: &str, expected_owner: Option<&str>) -> Result<BucketRecord, Error>;

    /// The version that a reader asks for. Markers are errors of their own.
    fn readable(
        &self,
        call: &Call,
        bucket_name: &str,
        bucket: &BucketRecord,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<VersionRecord, Error>;
}

impl Lookup for View {
    fn bucket(&self, bucket: &str, expected_owner: Option<&str>) -> Result<BucketRecord, Error> {
        let record = records::bucket(self, bucket)?;
        match expected_owner {
            Some(owner) if owner != record.account.as_str() => {
                Err(Error::new("AccessDenied", 403, "Access Denied"))
            }
            _ => Ok(record),
        }
    }

    fn readable(
        &self,
        call: &Call,
        bucket_name: &str,
        bucket: &BucketRecord,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<VersionRecord, Error> {
        let Some(id) = version_id else {
            let error = match versions::newest(self, &bucket.id, key)? {
                Some(version) if !version.marker => return Ok(version),
                Some(marker) => Error::deleted(key, &marker),
                None => Error::no_such_key(key),
            };
            return Err(absent(call, bucket_name, bucket, error));
        };
        check_version_id(id)?;
        match versions::version(self, &bucket.id, key, id)? {
            Some(version) if version.marker => Err(Error::is_marker(&version)),
            Some(version) => Ok(version),
            None => Err(absent(call, bucket_name, bucket, Error::no_such_version(key, id))),
        }
    }
}

// SECURITY: only who may list a bucket learns that there is no such key in it.
fn absent(call: &Call, bucket_name: &str, bucket: &BucketRecord, error: Error) -> Error {
    let policy = crate::access::policy_of(bucket, call.principal()).ok().flatten();
    let list = Access::to("s3:ListBucket", name::arn(bucket_name, None))
        .owned_by(bucket.account)
        .resource_policy(policy);
    call.ask(&list).map_or_else(Error::from, |()| error)
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
