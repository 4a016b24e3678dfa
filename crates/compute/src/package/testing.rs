//! Packages and accounts for the tests beside this.

use std::io::{Cursor, Write as _};
use std::path::Path;

use base::AccountId;
use bytes::Bytes;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{AccountCode, CodeStore};

/// The folder of `account(1)`.
pub(super) const FOLDER: &str = "code/000000000001";

pub(super) fn account(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

/// The packages of `account(1)`.
pub(super) fn open(data: &Path) -> AccountCode {
    CodeStore::open(data).unwrap().of(account(1))
}

pub(super) fn package(content: &[u8]) -> Bytes {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("handler.py", SimpleFileOptions::default()).unwrap();
    writer.write_all(content).unwrap();
    Bytes::from(writer.finish().unwrap().into_inner())
}
