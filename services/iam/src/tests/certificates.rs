//! Server certificates: who may move one, and from where to where.

use serde_json::json;

use super::{done, kit};

/// Of a name that is nobody's, for tests alone.
const CERTIFICATE: &str = include_str!("data/certificate.pem");
const KEY: &str = include_str!("data/certificate-key.pem");

#[tokio::test]
async fn a_certificate_with_another_name_alone_stays_at_its_path() {
    let kit = kit().await;
    let upload = json!({"ServerCertificateName": "old", "Path": "/a/", "CertificateBody": CERTIFICATE, "PrivateKey": KEY});
    done(&kit, "UploadServerCertificate", upload).await;
    let allow = |new: &str| {
        let on = |path: &str| format!("arn:aws:iam::*:server-certificate{path}");
        json!([{"Effect": "Allow", "Action": "iam:UpdateServerCertificate", "Resource": [on("/a/old"), on(new)]}])
    };
    let rename = json!({"ServerCertificateName": "old", "NewServerCertificateName": "new"});
    let elsewhere = kit.user("elsewhere", allow("/new")).await;
    let fault = kit.json(&elsewhere, "iam", "UpdateServerCertificate", &rename).await.unwrap_err();
    assert_eq!(fault.code, "AccessDenied");
    let there = kit.user("there", allow("/a/new")).await;
    kit.json(&there, "iam", "UpdateServerCertificate", &rename).await.unwrap();
}
