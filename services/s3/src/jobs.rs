//! What happens later: uploads, parts and files that nothing names any more are deleted.
//!
//! Serving never waits for it: what is deleted is out of sight at once.

use std::sync::Arc;
use std::time::Duration;

use service::{Internal, Jobs};
use store::{Key, KeyReader, Range, Table};

use crate::error::Error;
use crate::records::{
    CURRENT, Content, DOOMED, DOOMED_BUCKETS, DOOMED_PARTS, NOTES, PARTS, PartRecord, UPLOADS, decode,
    encode, object_key,
};
use crate::state::S3;
use crate::versions;

const PAUSE: Duration = Duration::from_secs(5);
/// Records, and files, that one step of a turn deletes.
const STEP: usize = 500;

/// Runs until the platform stops. A failure is left for the next turn.
pub(crate) async fn run(s3: Arc<S3>, mut jobs: Jobs) -> Result<(), Internal> {
    if let Err(error) = learn_nulls(&s3).await {
        tracing::warn!(error = %base::Chain(&error), "old records of objects stay as they are until the next start");
    }
    while jobs.pause(PAUSE).await {
        if let Err(error) = sweep(&s3).await {
            tracing::warn!(error = %base::Chain(&error), "files of deleted objects stay for now");
        }
    }
    Ok(())
}

/// Records of before do not know where their null versions are. Once, all are told.
pub(crate) async fn learn_nulls(s3: &S3) -> Result<(), Error> {
    let note = Key::new().str("null versions are known");
    if s3.store.get(NOTES, &note)?.is_some() {
        return Ok(());
    }
    let mut range = Range::all().limit(STEP);
    loop {
        let page = s3.store.scan(CURRENT, &range)?;
        let Some((last, _)) = page.last() else { break };
        range = range.after(last);
        for (place, _) in &page {
            let mut reader = KeyReader::new(place);
            let bucket = reader.str().map_err(Internal::new)?;
            learn_null(s3, &bucket, &reader.str().map_err(Internal::new)?).await?;
        }
        tokio::task::yield_now().await;
    }
    s3.store.transact(|transaction| transaction.put(NOTES, &note, bytes::Bytes::new())).await?;
    Ok(())
}

async fn learn_null(s3: &S3, bucket: &str, key: &str) -> Result<(), Error> {
    // Looked through outside of the transaction, and again where something else was written meanwhile.
    while let Some((before, after)) = versions::unlearned(&s3.store.snapshot()?, bucket, key)? {
        let place = object_key(bucket, key);
        s3.store
            .transact(|transaction| {
                if versions::newest(transaction, bucket, key)?.as_ref() == Some(&before) {
                    transaction.put(CURRENT, place, encode(&after)?)?;
                }
                Ok::<(), Error>(())
            })
            .await?;
    }
    Ok(())
}

/// Deletes what is doomed now: uploads of buckets, parts of uploads, and then files. What somebody reads stays until a turn in
/// which nobody does.
pub(crate) async fn sweep(s3: &Arc<S3>) -> Result<(), Error> {
    for table in [DOOMED_BUCKETS, DOOMED_PARTS, DOOMED] {
        let mut range = Range::all().limit(STEP);
        while let Some(page) = free(s3, table, &mut range)? {
            match table {
                DOOMED => delete_files(s3, page).await?,
                DOOMED_PARTS => {
                    for upload in page {
                        parts_of(s3, &upload).await?;
                    }
                }
                _ => {
                    for bucket in page {
                        uploads_of(s3, &bucket).await?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The next of the doomed, but for what somebody holds; `None` behind the last.
fn free(s3: &S3, table: Table, range: &mut Range) -> Result<Option<Vec<String>>, Error> {
    let page = s3.store.scan(table, range)?;
    let Some((last, _)) = page.last() else { return Ok(None) };
    *range = range.clone().after(last);
    let ids: Result<Vec<String>, _> = page.iter().map(|(place, _)| KeyReader::new(place).str()).collect();
    Ok(Some(ids.map_err(Internal::new)?.into_iter().filter(|id| !s3.files.is_held(id)).collect()))
}

/// Uploads that nobody completed go with their bucket.
async fn uploads_of(s3: &S3, bucket: &str) -> Result<(), Error> {
    let range = Range::prefix(Key::new().str(bucket)).limit(STEP);
    loop {
        let page = s3.store.scan(UPLOADS, &range)?;
        let is_last = page.len() < STEP;
        s3.store
            .transact(|transaction| {
                for (place, _) in page {
                    let mut reader = KeyReader::new(&place);
                    let upload = reader.str().and_then(|_| reader.str()).and_then(|_| reader.str());
                    versions::release(transaction, &Content::Parts(upload.map_err(Internal::new)?))?;
                    transaction.delete(UPLOADS, place)?;
                }
                if is_last {
                    transaction.delete(DOOMED_BUCKETS, Key::new().str(bucket))?;
                }
                Ok::<(), Error>(())
            })
            .await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn parts_of(s3: &S3, upload: &str) -> Result<(), Error> {
    let range = Range::prefix(Key::new().str(upload)).limit(STEP);
    loop {
        let page = s3.store.scan(PARTS, &range)?;
        let is_last = page.len() < STEP;
        s3.store
            .transact(|transaction| {
                for (place, stored) in page {
                    let part: PartRecord = decode(&stored)?;
                    if matches!(part.content, Content::Parts(_)) {
                        return Err(Internal::new("a part has parts").into());
                    }
                    versions::release(transaction, &part.content)?;
                    transaction.delete(PARTS, place)?;
                }
                if is_last {
                    transaction.delete(DOOMED_PARTS, Key::new().str(upload))?;
                }
                Ok::<(), Error>(())
            })
            .await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn delete_files(s3: &Arc<S3>, ids: Vec<String>) -> Result<(), Error> {
    let own = Arc::clone(s3);
    let deleted = tokio::task::spawn_blocking(move || {
        ids.into_iter().filter(|id| own.files.delete(id).is_ok()).collect::<Vec<_>>()
    });
    let deleted = deleted.await.map_err(Internal::new)?;
    s3.store
        .transact(|transaction| {
            deleted.iter().try_for_each(|id| transaction.delete(DOOMED, Key::new().str(id)))
        })
        .await?;
    Ok(())
}
