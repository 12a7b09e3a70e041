//! Fingerprints: eight bytes of what they stand for, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub fn of(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    STANDARD.encode(&digest[..8])
}
