//! Bodies of the fuzz targets, as ordinary functions that tests call too.

use crate::page::Paging;
use crate::scan::{self, Family};

/// Whatever the bytes, a name of a resource and a token are read or refused, and a family has the resource it is of.
pub fn fuzz_names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(family) = Family::of(text) {
        assert!(family.has(text), "{text}");
    }
    let _ = scan::type_of(text);
    let _ = scan::decoded(text);
    if let Ok(paging) = Paging::new(Some(text.to_owned()), None) {
        let (page, next) = paging.of(vec![("a".to_owned(), ()), ("b".to_owned(), ())], false);
        assert!(page.len() <= 2 && next.is_none());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hostile_bytes_are_read_or_refused(data: Vec<u8>, text in "(arn:aws:)?(iam|s3|lambda|dynamodb):[a-z:/%0-9]{0,30}") {
            super::fuzz_names(&data);
            super::fuzz_names(text.as_bytes());
        }
    }

    #[test]
    fn the_seed_corpus_is_read_or_refused() {
        for seed in [
            "",
            "arn:::::",
            "arn:aws:s3:::b",
            "arn:aws:lambda:r:1:function:f:live",
            "%7B%",
            "%zz%C3",
            "6100",
            "zz",
        ] {
            super::fuzz_names(seed.as_bytes());
        }
    }
}
