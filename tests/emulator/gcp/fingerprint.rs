//! Fingerprints: eight bytes of what they stand for, in base64, of either alphabet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub fn of(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    STANDARD.encode(&digest[..8])
}

/// Whether a fingerprint is the one that a client gives back; some clients write
/// bytes in the alphabet for addresses.
pub fn is_same(current: &Value, given: Option<&str>) -> bool {
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    given.map(standard) == current.as_str().map(standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read() {
        let current = Value::from("+a/b+c/d8rM=");
        assert!(is_same(&current, Some("+a/b+c/d8rM=")) && is_same(&current, Some("-a_b-c_d8rM=")));
        assert!(!is_same(&current, Some("xa/b+c/d8rM=")) && !is_same(&current, None));
    }
}
