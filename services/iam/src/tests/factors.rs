//! Second factors: enabled with two codes, good once, in the way of deletion.

use identity::Reads as _;
use identity::records::{MfaDeviceRecord, keys};
use serde_json::json;

use super::{done, kit, refused, user};

const SERIAL: &str = "arn:aws:iam::123456789012:mfa/d";

#[tokio::test]
async fn a_device_tells_its_seed_once_and_the_trail_never() {
    let kit = kit().await;
    let made = done(&kit, "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "d"})).await;
    let device = &made["VirtualMFADevice"];
    assert_eq!(device["SerialNumber"], SERIAL);
    assert!(device["QRCodePNG"].as_str().is_some() && device["Base32StringSeed"].as_str().is_some());
    let key = keys::named("123456789012".parse().unwrap(), "d");
    let store = kit.pipeline.store();
    let record: MfaDeviceRecord = store.record(keys::MFA_DEVICES, &key).unwrap().unwrap();
    assert_eq!(record.seed.len(), 64);
    let records = serde_json::to_string(&kit.records().await).unwrap();
    assert!(records.contains("CreateVirtualMFADevice") && !records.contains(&record.seed));
    assert!(!records.contains(device["Base32StringSeed"].as_str().unwrap()));
    refused(&kit, "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "D"}), "EntityAlreadyExists", "")
        .await;
    let listed = done(&kit, "ListVirtualMFADevices", json!({"AssignmentStatus": "Unassigned"})).await;
    assert_eq!(listed["VirtualMFADevices"][0]["SerialNumber"], SERIAL);
    assert!(listed["VirtualMFADevices"][0].get("Base32StringSeed").is_none());
}

#[tokio::test]
async fn wrong_codes_enable_nothing() {
    let kit = kit().await;
    user(&kit, "ana").await;
    done(&kit, "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "d"})).await;
    let enable = |serial: &str| json!({"UserName": "ana", "SerialNumber": serial, "AuthenticationCode1": "000000", "AuthenticationCode2": "000000"});
    refused(&kit, "EnableMFADevice", enable(SERIAL), "InvalidAuthenticationCode", "not valid").await;
    let other = "arn:aws:iam::210987654321:mfa/d";
    refused(&kit, "EnableMFADevice", enable(other), "NoSuchEntity", "doesn't exist").await;
    let foreign = json!({"UserName": "ana", "SerialNumber": SERIAL});
    refused(&kit, "DeactivateMFADevice", foreign, "NoSuchEntity", "MFA Device invalid for user").await;
    done(&kit, "DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL})).await;
    refused(&kit, "DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL}), "NoSuchEntity", "").await;
}
