//! Listing objects and versions, page by page.
//!
//! A page is read from one snapshot; where it goes on is the last thing that was shown.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use service::{Call, Permit, View};
use store::Range;

use super::put::{kind_of, quoted};
use crate::api;
use crate::error::Error;
use crate::model::list::{Found, Query};
use crate::model::name;
use crate::records::{BucketRecord, CURRENT, OLDER, VersionRecord, decode, object_key, older_key};
use crate::state::{Lookup as _, S3, owner};
use crate::versions;

/// Turns of a walk that one request takes.
const WALKS_MAX: usize = 10;
/// The most keys of a page.
const PAGE_MAX: i64 = 1_000;

/// What `encoding-type=url` leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// A place in a listing as the caller carries it.
pub(crate) fn seal_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// The place that a token names.
pub(crate) fn open_token(token: &str) -> Result<String, Error> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| text.len() <= name::KEY_BYTES_MAX);
    text.ok_or_else(|| {
        Error::invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    })
}

/// How names are written in the answer.
#[derive(Clone, Copy)]
pub(crate) struct Spelling {
    url: bool,
}

impl Spelling {
    pub(crate) fn parse(encoding: Option<&str>) -> Result<Self, Error> {
        match encoding {
            None => Ok(Self { url: false }),
            Some("url") => Ok(Self { url: true }),
            Some(other) => Err(Error::invalid_argument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                other,
            )),
        }
    }

    pub(crate) fn write(self, text: &str) -> String {
        if self.url {
            utf8_percent_encode(text, KEPT).to_string().replace("%20", "+")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn name(self) -> Option<String> {
        self.url.then(|| "url".to_owned())
    }
}

pub(crate) fn page_size(asked: Option<i64>) -> Result<usize, Error> {
    match asked.unwrap_or(PAGE_MAX) {
        negative @ ..0 => {
            let message = "Argument max-keys must be an integer between 0 and 2147483647";
            Err(Error::invalid_argument(message, "max-keys", &negative.to_string()))
        }
        asked => Ok(usize::try_from(asked.min(PAGE_MAX)).unwrap_or(0)),
    }
}

/// One page of current objects.
#[derive(Default)]
struct Page {
    contents: Vec<api::Object>,
    prefixes: Vec<api::CommonPrefix>,
    /// The last key or prefix of a page behind which there is more.
    next: Option<String>,
    /// True where the walk took too long, so that `next` was not shown.
    is_cut: bool,
}

struct Listing<'a> {
    bucket: &'a str,
    expected_owner: Option<&'a str>,
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    after: Option<&'a str>,
    max: usize,
    spelling: Spelling,
    with_owner: bool,
}

async fn page(call: &Call, listing: &Listing<'_>) -> Result<Page, Error> {
    let view = call.view()?;
    let bucket = view.bucket(listing.bucket, listing.expected_owner)?;
    let mut page = Page::default();
    if listing.max == 0 {
        return Ok(page);
    }
    let owner = listing.with_owner.then(|| owner(bucket.account));
    let mut after = listing.after.map(str::to_owned);
    let mut last = None;
    for _ in 0..WALKS_MAX {
        let query = Query {
            table: CURRENT,
            bucket_id: &bucket.id,
            prefix: listing.prefix.unwrap_or_default(),
            delimiter: listing.delimiter,
            after: after.as_deref(),
        };
        let stopped =
            query.run(view.snapshot(), |found| page.take(found, listing, owner.as_ref(), &mut last))?;
        if stopped.is_none() {
            return Ok(page);
        }
        after = stopped;
        tokio::task::yield_now().await;
    }
    page.next = after;
    page.is_cut = true;
    Ok(page)
}

impl Page {
    /// Shows one more; false where there is no room for it.
    fn take(
        &mut self,
        found: Found,
        listing: &Listing<'_>,
        owner: Option<&api::Owner>,
        last: &mut Option<String>,
    ) -> Result<bool, Error> {
        let version = match &found {
            Found::Key(_, stored) => {
                let version: VersionRecord = decode(stored)?;
                if version.marker {
                    return Ok(true);
                }
                Some(version)
            }
            Found::Prefix(_) => None,
        };
        if self.contents.len() + self.prefixes.len() == listing.max {
            self.next = last.take();
            return Ok(false);
        }
        match (found, version) {
            (Found::Key(key, _), Some(version)) => {
                self.contents.push(object(listing.spelling.write(&key), &version, owner.cloned()));
                *last = Some(key);
            }
            (Found::Key(..), None) => {}
            (Found::Prefix(prefix), _) => {
                self.prefixes.push(api::CommonPrefix { prefix: Some(listing.spelling.write(&prefix)) });
                *last = Some(prefix);
            }
        }
        Ok(true)
    }
}

fn object(key: String, version: &VersionRecord, owner: Option<api::Owner>) -> api::Object {
    let checksum = version.checksum.as_ref();
    api::Object {
        key: Some(key),
        last_modified: Some(version.modified),
        e_tag: Some(quoted(&version.etag)),
        checksum_algorithm: checksum.map(|checksum| vec![checksum.algorithm.name().to_owned()]),
        checksum_type: checksum.map(|checksum| kind_of(checksum).to_owned()),
        size: Some(i64::try_from(version.size).unwrap_or(i64::MAX)),
        storage_class: Some("STANDARD".to_owned()),
        owner,
        restore_status: None,
    }
}

pub(crate) async fn list(
    _: Arc<S3>,
    permit: Permit<api::ListObjects>,
) -> Result<api::ListObjectsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let spelling = Spelling::parse(input.encoding_type.as_deref())?;
    let max = page_size(input.max_keys)?;
    let listing = Listing {
        bucket: &input.bucket,
        expected_owner: input.expected_bucket_owner.as_deref(),
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: input.marker.as_deref(),
        max,
        spelling,
        with_owner: true,
    };
    let page = page(&call, &listing).await?;
    let next = page.next.as_deref().map(|next| spelling.write(next));
    let spelled = |text: &Option<String>| text.as_deref().map(|text| spelling.write(text));
    Ok(api::ListObjectsOutput {
        is_truncated: Some(page.next.is_some()),
        marker: Some(spelled(&input.marker).unwrap_or_default()),
        // Of a page that does not end with a key that it shows, nobody could tell where it goes on.
        next_marker: next.filter(|_| input.delimiter.is_some() || page.is_cut),
        contents: Some(page.contents),
        common_prefixes: Some(page.prefixes),
        prefix: Some(spelled(&input.prefix).unwrap_or_default()),
        delimiter: spelled(&input.delimiter),
        name: Some(input.bucket),
        max_keys: Some(i64::try_from(max).unwrap_or(PAGE_MAX)),
        encoding_type: spelling.name(),
        request_charged: None,
    })
}

pub(crate) async fn list_v2(
    _: Arc<S3>,
    permit: Permit<api::ListObjectsV2>,
) -> Result<api::ListObjectsV2Output, Error> {
    let (input, call) = (permit.input, permit.call);
    let spelling = Spelling::parse(input.encoding_type.as_deref())?;
    let max = page_size(input.max_keys)?;
    let token = input.continuation_token.as_deref().map(open_token).transpose()?;
    let listing = Listing {
        bucket: &input.bucket,
        expected_owner: input.expected_bucket_owner.as_deref(),
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: token.as_deref().or(input.start_after.as_deref()),
        max,
        spelling,
        with_owner: input.fetch_owner.unwrap_or(false),
    };
    let page = page(&call, &listing).await?;
    let spelled = |text: &Option<String>| text.as_deref().map(|text| spelling.write(text));
    Ok(api::ListObjectsV2Output {
        is_truncated: Some(page.next.is_some()),
        key_count: Some(i64::try_from(page.contents.len() + page.prefixes.len()).unwrap_or(PAGE_MAX)),
        next_continuation_token: page.next.as_deref().map(seal_token),
        contents: Some(page.contents),
        common_prefixes: Some(page.prefixes),
        prefix: Some(spelled(&input.prefix).unwrap_or_default()),
        delimiter: spelled(&input.delimiter),
        start_after: spelled(&input.start_after),
        continuation_token: input.continuation_token,
        name: Some(input.bucket),
        max_keys: Some(i64::try_from(max).unwrap_or(PAGE_MAX)),
        encoding_type: spelling.name(),
        request_charged: None,
    })
}

/// One page of versions.
#[derive(Default)]
struct VersionPage {
    versions: Vec<api::ObjectVersion>,
    markers: Vec<api::DeleteMarkerEntry>,
    prefixes: Vec<api::CommonPrefix>,
    next: Option<(String, Option<String>)>,
    last: Option<(String, Option<String>)>,
}

impl VersionPage {
    fn is_full(&mut self, max: usize) -> bool {
        let full = self.versions.len() + self.markers.len() + self.prefixes.len() >= max;
        if full {
            self.next = self.last.take();
        }
        full
    }

    fn add(
        &mut self,
        key: &str,
        version: &VersionRecord,
        latest: bool,
        spelling: Spelling,
        owner: &api::Owner,
    ) {
        self.last = Some((key.to_owned(), Some(version.version_id().to_owned())));
        let (key, id) = (Some(spelling.write(key)), Some(version.version_id().to_owned()));
        let (modified, owner) = (Some(version.modified), Some(owner.clone()));
        if version.marker {
            let is_latest = Some(latest);
            self.markers.push(api::DeleteMarkerEntry {
                owner,
                key,
                version_id: id,
                is_latest,
                last_modified: modified,
            });
            return;
        }
        let as_object = object(String::new(), version, None);
        self.versions.push(api::ObjectVersion {
            e_tag: as_object.e_tag,
            checksum_algorithm: as_object.checksum_algorithm,
            checksum_type: as_object.checksum_type,
            size: as_object.size,
            storage_class: as_object.storage_class,
            key,
            version_id: id,
            is_latest: Some(latest),
            last_modified: modified,
            owner,
            restore_status: None,
        });
    }
}

pub(crate) async fn versions(
    _: Arc<S3>,
    permit: Permit<api::ListObjectVersions>,
) -> Result<api::ListObjectVersionsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let spelling = Spelling::parse(input.encoding_type.as_deref())?;
    let max = page_size(input.max_keys)?;
    if input.version_id_marker.is_some() && input.key_marker.is_none() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(Error::invalid_argument(message, "version-id-marker", ""));
    }
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let mut page = VersionPage::default();
    if max > 0 {
        walk_versions(&input, &bucket, &view, max, spelling, &mut page)?;
    }
    let spelled = |text: &Option<String>| text.as_deref().map(|text| spelling.write(text));
    let (next_key, next_version) = page.next.map_or((None, None), |(key, id)| (Some(key), id));
    Ok(api::ListObjectVersionsOutput {
        is_truncated: Some(next_key.is_some()),
        next_key_marker: spelled(&next_key),
        next_version_id_marker: next_version,
        key_marker: Some(spelled(&input.key_marker).unwrap_or_default()),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        versions: Some(page.versions),
        delete_markers: Some(page.markers),
        common_prefixes: Some(page.prefixes),
        prefix: Some(spelled(&input.prefix).unwrap_or_default()),
        delimiter: spelled(&input.delimiter),
        name: Some(input.bucket),
        max_keys: Some(i64::try_from(max).unwrap_or(PAGE_MAX)),
        encoding_type: spelling.name(),
        request_charged: None,
    })
}

/// Fills a page with versions, the rest of the marker's own key first.
fn walk_versions(
    input: &api::ListObjectVersionsRequest,
    bucket: &BucketRecord,
    view: &View,
    max: usize,
    spelling: Spelling,
    page: &mut VersionPage,
) -> Result<(), Error> {
    let owner = owner(bucket.account);
    let query = Query {
        table: CURRENT,
        bucket_id: &bucket.id,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: input.key_marker.as_deref(),
    };
    // The rest of a key's versions, from the youngest below a place; false once the page is full.
    let older = |page: &mut VersionPage, key: &str, below: u64| -> Result<bool, Error> {
        let range = Range::prefix(object_key(&bucket.id, key)).after(older_key(&bucket.id, key, below));
        for record in view.snapshot().iter(OLDER, &range) {
            if page.is_full(max) {
                return Ok(false);
            }
            page.add(key, &decode(&record?.1)?, false, spelling, &owner);
        }
        Ok(true)
    };
    // The rest of a key whose first versions were on the page before.
    // SECURITY: only of one that such a page can have shown.
    if let (Some(key), Some(id)) = (&input.key_marker, &input.version_id_marker)
        && key.starts_with(query.prefix)
        && query.rolled_up(key).is_none()
    {
        let below = place_of_marker(view, bucket, key, id)?;
        if let Some(newest) = versions::newest(view, &bucket.id, key)?.filter(|newest| newest.seq < below)
            && !page.is_full(max)
        {
            page.add(key, &newest, true, spelling, &owner);
        }
        if !older(page, key, below)? {
            return Ok(());
        }
    }
    query.run_with_markers(view.snapshot(), |found| match found {
        Found::Prefix(prefix) => {
            if page.is_full(max) {
                return Ok(false);
            }
            page.prefixes.push(api::CommonPrefix { prefix: Some(spelling.write(&prefix)) });
            page.last = Some((prefix, None));
            Ok(true)
        }
        Found::Key(key, stored) => {
            if page.is_full(max) {
                return Ok(false);
            }
            let newest: VersionRecord = decode(&stored)?;
            page.add(&key, &newest, true, spelling, &owner);
            older(page, &key, newest.seq)
        }
    })?;
    Ok(())
}

/// Where the listing goes on behind a version, be that there or not: whoever empties a bucket deletes each page's versions
/// before he asks for the next.
fn place_of_marker(view: &View, bucket: &BucketRecord, key: &str, id: &str) -> Result<u64, Error> {
    if id != "null" {
        let invalid = || Error::invalid_argument("Invalid version id specified", "version-id-marker", id);
        return name::place_of(id).ok_or_else(invalid);
    }
    // A null version's id tells no place. Where it is gone, all that is left is behind it as far as anybody knows: rather
    // shown twice than never.
    Ok(versions::version(view, &bucket.id, key, id)?.map_or(u64::MAX, |null| null.seq))
}
