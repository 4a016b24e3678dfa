//! Where the platform is reached, as `DescribeEndpoints` tells it.

use std::sync::{Arc, OnceLock};

/// The platform's own address; clones share it.
#[derive(Clone, Debug, Default)]
pub struct OwnAddress(Arc<OnceLock<String>>);

/// Before it is known, the port that local tools expect.
const USUAL: &str = "http://localhost:4566";

impl OwnAddress {
    /// From here on this is the address, as a URL.
    pub fn served_at(&self, url: &str) {
        let _ = self.0.set(url.to_owned());
    }

    /// The address as SDKs that look for endpoints take it: they put `https://` before one that has no scheme.
    pub(crate) fn told(&self) -> &str {
        let url = self.0.get().map_or(USUAL, String::as_str).trim_end_matches('/');
        url.strip_prefix("https://").unwrap_or(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_tls_keeps_its_scheme() {
        for (url, told) in [
            ("http://localhost:9000/", "http://localhost:9000"),
            ("https://aws.example:4566", "aws.example:4566"),
        ] {
            let address = OwnAddress::default();
            assert_eq!(address.told(), USUAL);
            address.clone().served_at(url);
            assert_eq!(address.told(), told);
        }
    }
}
