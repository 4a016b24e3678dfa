//! Artifacts: packages that a deployment puts down first and names as an S3 object afterwards.
//!
//! There is no S3 behind this: only the platform writes here, one folder an account, and only the name that
//! [`CodeStore::put_artifact`] answered finds anything.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use base::{AccountId, Region};
use bytes::Bytes;

use super::shelf::write_durably;
use super::{CodeHash, CodeStore, Refusal, check_archive};
use crate::limits::ARTIFACT_BYTES_MAX;

/// The S3 name of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `fastness-artifacts-<account>-<region>`
    pub bucket: String,
    /// `<sha256>.zip`
    pub key: String,
}

/// An artifact was not put down or not found.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The bucket is not the account's artifact bucket.
    #[error("`{0}` is not this account's artifact bucket")]
    UnknownBucket(String),
    /// The bucket has no such key.
    #[error("the artifact does not exist")]
    UnknownKey,
    /// The zip file is not acceptable.
    #[error("the artifact was refused")]
    Refused(#[from] Refusal),
    /// The disk failed.
    #[error("the artifact folder failed")]
    Disk(#[from] io::Error),
}

/// The bucket that an account's artifacts are named by.
pub(super) fn bucket_of(account: AccountId, region: &Region) -> String {
    format!("fastness-artifacts-{account}-{region}")
}

impl CodeStore {
    /// Keeps a zip file for a later `CreateFunction` or `UpdateFunctionCode` of the same account.
    ///
    /// # Errors
    /// Where the zip file is refused or the disk fails.
    pub async fn put_artifact(
        &self,
        account: AccountId,
        region: &Region,
        zip: Bytes,
    ) -> Result<Artifact, ArtifactError> {
        let bucket = bucket_of(account, region);
        let directory = self.artifacts_directory().join(account.as_str());
        blocking(move || {
            if zip.len() > ARTIFACT_BYTES_MAX {
                return Err(Refusal::ZippedTooLarge(ARTIFACT_BYTES_MAX).into());
            }
            check_archive(&zip)?;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            let key = format!("{}.zip", CodeHash::of(&zip));
            write_durably(&directory.join(&key), &zip)?;
            Ok(Artifact { bucket, key })
        })
        .await
    }

    /// The artifact of this name, for a call that acts in `account`.
    ///
    /// # Errors
    /// Where the bucket is another one, the key does not exist, or the disk fails.
    pub async fn artifact(
        &self,
        account: AccountId,
        region: &Region,
        bucket: &str,
        key: &str,
    ) -> Result<Bytes, ArtifactError> {
        // SECURITY: the folder follows from the calling account, never from the bucket's name.
        if bucket != bucket_of(account, region) {
            return Err(ArtifactError::UnknownBucket(bucket.chars().take(128).collect()));
        }
        let hash = key.strip_suffix(".zip").and_then(|stem| stem.parse::<CodeHash>().ok());
        let hash = hash.ok_or(ArtifactError::UnknownKey)?;
        let path = self.artifacts_directory().join(account.as_str()).join(format!("{hash}.zip"));
        blocking(move || read(&path, hash)).await
    }
}

fn read(path: &PathBuf, hash: CodeHash) -> Result<Bytes, ArtifactError> {
    match fs::read(path) {
        Ok(zip) if CodeHash::of(&zip) == hash => Ok(Bytes::from(zip)),
        Ok(_) => Err(io::Error::other("an artifact does not match its hash").into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArtifactError::UnknownKey),
        Err(error) => Err(error.into()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic).into()))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    #[tokio::test]
    async fn an_artifact_is_found_by_its_own_account_only() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("index.js", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(b"1").unwrap();
        let zip = Bytes::from(writer.finish().unwrap().into_inner());
        let mine: AccountId = "000000000001".parse().unwrap();
        let other: AccountId = "000000000002".parse().unwrap();
        let region: Region = "us-east-1".parse().unwrap();
        let artifact = store.put_artifact(mine, &region, zip.clone()).await.unwrap();
        assert_eq!(artifact.bucket, "fastness-artifacts-000000000001-us-east-1");
        let Artifact { bucket, key } = artifact;
        assert_eq!(store.artifact(mine, &region, &bucket, &key).await.unwrap(), zip);
        let theirs = bucket_of(other, &region);
        assert!(matches!(
            store.artifact(other, &region, &bucket, &key).await,
            Err(ArtifactError::UnknownBucket(_))
        ));
        for (bucket, key) in [(&theirs, key.as_str()), (&theirs, "../000000000001/x.zip"), (&theirs, "")] {
            assert!(matches!(
                store.artifact(other, &region, bucket, key).await,
                Err(ArtifactError::UnknownKey)
            ));
        }
        assert!(store.put_artifact(mine, &region, Bytes::from_static(b"x")).await.is_err());
    }
}
