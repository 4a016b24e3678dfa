//! Server certificates: checked when they come, their keys told to nobody afterwards.
//!
//! Nothing here terminates TLS: the platform's own certificate is the operator's. Tools that upload certificates find them
//! again as in AWS.

use std::sync::Arc;

use base::{AccountId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::certificate::{Certificate, public_key_of};
use identity::principal::entity_arn;
use identity::records::keys;
use identity::{Edit, Reads, ids};
use service::Permit;
use store::Read as _;

use super::{moment, path};
use crate::page::Paging;
use crate::records::{SERVER_CERTIFICATES, ServerCertificateRecord, Tagged};
use crate::{Error, Iam, api, quota, tags};

/// How many there are.
pub(crate) fn all(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<Vec<ServerCertificateRecord>, Error> {
    Ok(from.records(SERVER_CERTIFICATES, &keys::all_of(account))?)
}

/// `arn:aws:iam::123456789012:server-certificate/path/name`
fn arn(account: AccountId, record: &ServerCertificateRecord) -> String {
    entity_arn(account, "server-certificate", &record.path, &record.name)
}

fn metadata(account: AccountId, record: &ServerCertificateRecord) -> api::ServerCertificateMetadata {
    api::ServerCertificateMetadata {
        path: record.path.clone(),
        server_certificate_name: record.name.clone(),
        server_certificate_id: record.certificate_id.clone(),
        arn: arn(account, record),
        upload_date: Some(record.uploaded_at),
        expiration: Some(record.expires_at),
    }
}

fn save(edit: &mut Edit<'_, '_>, record: &ServerCertificateRecord) -> Result<(), Error> {
    let key = record.key(edit.account());
    Ok(edit.put(SERVER_CERTIFICATES, &key, record)?)
}

/// The contents of a text's PEM blocks whose label ends with `label`, in order; `None` where one is not PEM.
fn pem(text: &str, label: &str) -> Option<Vec<Vec<u8>>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let mut content = String::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => content.push_str(line),
                None => return None,
            }
        }
        if kind.ends_with(label) {
            blocks.push(STANDARD.decode(content).ok()?);
        }
    }
    Some(blocks)
}

fn certificates(text: &str) -> Option<Vec<Certificate>> {
    pem(text, "CERTIFICATE")?.iter().map(|der| Certificate::parse(der)).collect()
}

/// Each link signed the one before it, the first one the certificate itself.
fn check_chain(certificate: &Certificate, links: &[Certificate]) -> Result<(), Error> {
    let before = std::iter::once(certificate).chain(links);
    match before.zip(links).position(|(issued, issuer)| !issued.is_issued_by(issuer)) {
        None => Ok(()),
        Some(index) => Err(Error::MalformedCertificate(format!(
            "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, \
             followed by any intermediaries in order. The index within the chain of the invalid certificate is: {index}"
        ))),
    }
}

/// The certificate's end, where certificate, key and chain are what they should be and belong together.
fn checked(input: &api::UploadServerCertificateRequest, now: Timestamp) -> Result<Timestamp, Error> {
    let malformed = |what: &str| {
        Error::MalformedCertificate(format!(
            "Unable to parse {what}. Please ensure the {what} is in PEM format."
        ))
    };
    let read = certificates(&input.certificate_body).ok_or_else(|| malformed("certificate"))?;
    let [certificate] = read.as_slice() else { return Err(malformed("certificate")) };
    if let Some(chain) = &input.certificate_chain {
        let links = certificates(chain).ok_or_else(|| malformed("certificate chain"))?;
        if links.is_empty() {
            return Err(malformed("certificate chain"));
        }
        check_chain(certificate, &links)?;
    }
    let key = pem(input.private_key.expose(), "PRIVATE KEY").ok_or_else(|| malformed("key"))?;
    let [key] = key.as_slice() else { return Err(malformed("key")) };
    let public = public_key_of(key).ok_or_else(|| malformed("key"))?;
    if public != certificate.public_key {
        return Err(Error::KeyPairMismatch(
            "The public key certificate and the private key do not match.".to_owned(),
        ));
    }
    let at = |text: &str| Timestamp::parse_basic(text).ok_or_else(|| malformed("certificate"));
    let (begins, ends) = (at(&certificate.not_before)?, at(&certificate.not_after)?);
    if now < begins || now >= ends {
        return Err(Error::MalformedCertificate("The certificate is not valid at this time.".to_owned()));
    }
    Ok(ends)
}

pub(crate) async fn upload(
    iam: Arc<Iam>,
    permit: Permit<api::UploadServerCertificate>,
) -> Result<api::UploadServerCertificateResponse, Error> {
    let Permit { input, call, .. } = permit;
    let expires_at = checked(&input, call.now())?;
    let record = ServerCertificateRecord {
        name: input.server_certificate_name,
        path: path(input.path),
        certificate_id: ids::entity(ids::CERTIFICATE),
        body: input.certificate_body,
        chain: input.certificate_chain,
        private_key: input.private_key.expose().clone(),
        uploaded_at: moment(&call),
        expires_at,
        tags: tags::of_new(input.tags, &call)?,
    };
    iam.change(&call, |edit| {
        check_free(edit, &record.name)?;
        if all(edit, edit.account())?.len() >= quota::SERVER_CERTIFICATES_MAX {
            return Err(Error::quota("ServerCertificatesPerAccount", quota::SERVER_CERTIFICATES_MAX));
        }
        save(edit, &record)
    })
    .await?;
    Ok(api::UploadServerCertificateResponse {
        server_certificate_metadata: Some(metadata(call.account(), &record)),
        tags: tags::to_api(&record.tags),
    })
}

fn check_free(edit: &Edit<'_, '_>, name: &str) -> Result<(), Error> {
    match edit.read(SERVER_CERTIFICATES, &keys::named(edit.account(), name))? {
        Some(_) => Err(Error::EntityAlreadyExists(format!(
            "The Server Certificate with name {name} already exists."
        ))),
        None => Ok(()),
    }
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetServerCertificate>,
) -> Result<api::GetServerCertificateResponse, Error> {
    let Permit { input, call, .. } = permit;
    let name = &input.server_certificate_name;
    let record = ServerCertificateRecord::load(&call.view()?, call.account(), name)?;
    let server_certificate = api::ServerCertificate {
        server_certificate_metadata: metadata(call.account(), &record),
        certificate_body: record.body.clone(),
        certificate_chain: record.chain.clone(),
        tags: tags::to_api(&record.tags),
    };
    Ok(api::GetServerCertificateResponse { server_certificate })
}

pub(crate) async fn update(iam: Arc<Iam>, permit: Permit<api::UpdateServerCertificate>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let mut record = ServerCertificateRecord::load(edit, account, &input.server_certificate_name)?;
        if let Some(path) = input.new_path {
            record.path = path;
        }
        if let Some(name) = input.new_server_certificate_name {
            let old = record.key(account);
            if !name.eq_ignore_ascii_case(&record.name) {
                check_free(edit, &name)?;
            }
            edit.delete(SERVER_CERTIFICATES, &old)?;
            record.name = name;
        }
        save(edit, &record)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteServerCertificate>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record = ServerCertificateRecord::load(edit, edit.account(), &input.server_certificate_name)?;
        let key = record.key(edit.account());
        Ok(edit.delete(SERVER_CERTIFICATES, &key)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListServerCertificates>,
) -> Result<api::ListServerCertificatesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let account = call.account();
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let shown = all(&call.view()?, account)?
        .into_iter()
        .filter(|record| record.path.starts_with(prefix))
        .map(|record| (record.name.to_ascii_lowercase(), metadata(account, &record)))
        .collect();
    let page = Paging::new(input.marker, input.max_items).of(shown)?;
    Ok(api::ListServerCertificatesResponse {
        server_certificate_metadata_list: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_blocks_are_found_by_their_kind() {
        let text = "remarks\n-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n\
            -----BEGIN EC PRIVATE KEY-----\n AQ==\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(pem(text, "PRIVATE KEY"), Some(vec![vec![1]]));
        assert_eq!(pem(text, "CERTIFICATE"), Some(vec![]));
        assert_eq!(pem("-----BEGIN CERTIFICATE-----\nAQ==\n", "CERTIFICATE"), None);
        assert_eq!(pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "CERTIFICATE"), None);
    }
}
