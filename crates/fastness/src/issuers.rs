//! The identity providers that the operator named, and the way to their documents.
//!
//! Nothing is fetched from anyone else. A name is resolved once and what is connected to is what was checked: public
//! addresses alone, but for an issuer that was given an authority of its own, which may stand anywhere but where clouds hand
//! out credentials.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edge::{HttpsClient, Wanted};
use http::Uri;
use identity::web_identity::{BoxFuture, FetchDocument, FetchError, Issuers};

use crate::Error;

/// The most issuers.
const ISSUERS_MAX: usize = 64;
/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// The largest file of authorities.
const AUTHORITIES_BYTES_MAX: u64 = 8 * 1_024 * 1_024;
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(5);
/// Where systems keep the authorities that they trust.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Reads `URL[=CA-FILE]`, each an issuer.
pub(crate) fn named(texts: &[String]) -> Result<Issuers, Error> {
    let mut issuers = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        issuers.push(issuer(text)?);
    }
    if issuers.len() > ISSUERS_MAX {
        return Err(format!("there are {} issuers, and {ISSUERS_MAX} are the most", issuers.len()).into());
    }
    let urls: Vec<String> = issuers.iter().map(|issuer| issuer.url.clone()).collect();
    let way: Arc<dyn FetchDocument> = Arc::new(Way { issuers });
    Ok(Issuers::new(urls, &way))
}

fn issuer(text: &str) -> Result<Issuer, Error> {
    let (url, authority) = match text.split_once('=') {
        Some((url, file)) => (url, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let place = Place::parse(url)
        .filter(|place| !place.path.contains('?'))
        .ok_or_else(|| format!("`{url}` is not an issuer: expected https://HOST[:PORT][/PATH][=CA-FILE]"))?;
    let pem = authorities(authority.as_deref())?;
    let client = HttpsClient::trusting(&pem).map_err(|error| format!("the issuer `{url}`: {error}"))?;
    Ok(Issuer { url: url.to_owned(), place, client, is_own: authority.is_some() })
}

fn authorities(file: Option<&std::path::Path>) -> Result<Vec<u8>, Error> {
    let system = || SYSTEM_AUTHORITIES.iter().map(std::path::Path::new).find(|path| path.is_file());
    let path = file
        .or_else(system)
        .ok_or("this system has no file of authorities to trust: name one behind the issuer, URL=CA-FILE")?;
    let failed = |error| format!("cannot read authorities from `{}`: {error}", path.display());
    if std::fs::metadata(path).map_err(failed)?.len() > AUTHORITIES_BYTES_MAX {
        return Err(format!("`{}` has more than {AUTHORITIES_BYTES_MAX} bytes", path.display()).into());
    }
    Ok(std::fs::read(path).map_err(failed)?)
}

struct Issuer {
    /// As its tokens write it.
    url: String,
    place: Place,
    client: HttpsClient,
    /// True where the operator gave an authority for it: then it may stand in a private network.
    is_own: bool,
}

/// Where an `https` URL leads.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    path: String,
}

impl Place {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority()?.as_str();
        // SECURITY: a name before an `@` reads like a host to people, and is none.
        if uri.scheme_str() != Some("https") || authority.contains('@') {
            return None;
        }
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        (!host.is_empty()).then(|| Self { host, port: uri.port_u16().unwrap_or(443), path })
    }

    fn is_with(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }
}

struct Way {
    issuers: Vec<Issuer>,
}

impl FetchDocument for Way {
    fn fetch<'a>(&'a self, issuer: &'a str, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async move {
            let refused = |why: &str| FetchError(format!("{url}: {why}"));
            let issuer = self.issuers.iter().find(|known| known.url == issuer);
            let issuer = issuer.ok_or_else(|| refused("the operator did not name its issuer"))?;
            let place = Place::parse(url).ok_or_else(|| refused("it is not an https address"))?;
            // An issuer may publish its keys elsewhere (Google does), and there on the public internet alone.
            let anywhere = issuer.is_own && place.is_with(&issuer.place);
            let addresses = addresses(&place, anywhere).await.map_err(|why| refused(&why))?;
            let wanted =
                Wanted { host: &place.host, port: place.port, path: &place.path, addresses: &addresses };
            let document = issuer.client.get(wanted).await;
            document.map_err(|error| refused(&base::Chain(&error).to_string()))
        })
    }
}

/// The addresses that may be connected to.
// SECURITY: the name is resolved here, once; an answer that changes its mind meets nobody who asks.
async fn addresses(place: &Place, anywhere: bool) -> Result<Vec<SocketAddr>, String> {
    let lookup = tokio::net::lookup_host((place.host.as_str(), place.port));
    let found = tokio::time::timeout(LOOKUP_TIME_MAX, lookup).await;
    let Ok(Ok(found)) = found else { return Err("its name could not be resolved".to_owned()) };
    let mut refusal = "its name has no address";
    let mut allowed = Vec::new();
    for address in found.take(ADDRESSES_MAX) {
        match compute::special_address(address.ip()) {
            Some(kind) if !anywhere || compute::is_metadata_service(address.ip()) => refusal = kind,
            _ => allowed.push(address),
        }
    }
    if allowed.is_empty() { Err(format!("it stands for {refusal}")) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_address() {
        let place = Place::parse("https://IDP.example/realms/a").unwrap();
        assert_eq!((place.host.as_str(), place.port, place.path.as_str()), ("idp.example", 443, "/realms/a"));
        assert_eq!(Place::parse("https://[::1]:8443").unwrap().host, "::1");
        for bad in ["http://idp.example", "idp.example", "https://", "https://a@b", "ftp://x", "https://a b"]
        {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
        assert!(issuer("https://idp.example?x").is_err());
        assert!(issuer("https://idp.example=/does/not/exist").is_err());
        assert!(issuer("https://idp.example=/dev/null").is_err(), "no authority is no trust");
    }

    #[tokio::test]
    async fn what_is_not_the_public_internet_needs_an_authority_of_its_own() {
        for host in ["127.0.0.1", "10.0.0.1", "::1", "192.168.1.1"] {
            let place = Place { host: host.to_owned(), port: 443, path: "/".to_owned() };
            assert!(addresses(&place, false).await.is_err(), "{host}");
            assert!(addresses(&place, true).await.is_ok(), "{host}");
        }
        for host in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
            let place = Place { host: host.to_owned(), port: 443, path: "/".to_owned() };
            assert!(addresses(&place, true).await.is_err(), "{host}");
        }
        let public = Place { host: "192.0.43.8".to_owned(), port: 443, path: "/".to_owned() };
        assert!(addresses(&public, false).await.is_ok());
    }
}
