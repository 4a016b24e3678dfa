//! Bodies of the fuzz targets, as ordinary functions that tests call too.

/// Whatever the pattern and the message, parsing and matching end. The first line is the pattern.
#[doc(hidden)]
pub fn fuzz_filter_pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, message) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(pattern) = crate::pattern::Pattern::parse(pattern) {
        let _ = pattern.matches(message);
    }
}

/// Whatever the bytes, a chunk decodes or is refused.
#[doc(hidden)]
pub fn fuzz_chunk(data: &[u8]) {
    let _ = crate::chunk::decode(data, 1);
}

/// Whatever the text, a page token is read or refused.
#[doc(hidden)]
pub fn fuzz_token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = crate::page::Turn::parse(&text);
    let _ = crate::page::SearchPlace::parse(&text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_bytes_end(data: Vec<u8>, pattern in r#"[{}()$.=<>!&|?*"%\[\]a-c0-9 -]{0,40}"#) {
            fuzz_filter_pattern(&data);
            fuzz_filter_pattern(format!("{pattern}\n{{\"a\": 1}}").as_bytes());
            fuzz_filter_pattern(format!("{{ {pattern} }}\n{{\"a\": 1}}").as_bytes());
            fuzz_filter_pattern(format!("[{pattern}]\n[a b] \"c\" 1").as_bytes());
            fuzz_filter_pattern(format!("%{pattern}%\n{pattern}").as_bytes());
            fuzz_chunk(&data);
            fuzz_token(&data);
        }
    }

    #[test]
    fn the_seed_corpus_ends() {
        let deep = format!("{{ {} $.a = 1 }}", "(".repeat(1_000));
        let fields = format!("[{} ...]\n[a b] \"c\" d", "a = %x|y% && a > 1,".repeat(100));
        let seeds = [
            "",
            "a -b ?c\nabc",
            "{ $.a = 1 }\n{\"a\":1}",
            "{ ($.a = 1) && ($.b = \"x*\") }\n{}",
            "{ $.a[*].b = %^[a-z]{1,3}$% }\n{\"a\":[{\"b\":\"c\"}]}",
            "%[a%\nabc",
            "[a, ..., b = %x\\x41.{0,9}%]\n[a b] \"c\" xA",
            &deep,
            &fields,
        ];
        for seed in seeds {
            fuzz_filter_pattern(seed.as_bytes());
        }
    }
}
