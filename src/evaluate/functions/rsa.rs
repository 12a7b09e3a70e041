//! RSA decryption with PKCS #1 v1.5 padding, for `rsadecrypt` only.
//!
//! It is not constant in time: whoever could measure it has the key at hand.

use num_bigint::BigUint;

use super::encoding::decode_base64;

/// The half of a key that decrypts.
pub(super) struct PrivateKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl PrivateKey {
    /// Reads `RSA PRIVATE KEY` (PKCS #1) or `PRIVATE KEY` (PKCS #8).
    pub(super) fn from_pem(text: &str) -> Result<Self, &'static str> {
        let start = text.find("-----BEGIN ").ok_or("no key found")?;
        let rest = &text[start + "-----BEGIN ".len()..];
        let (label, rest) = rest.split_once("-----").ok_or("no key found")?;
        let (body, _) = rest.split_once("-----END ").ok_or("no end of the key found")?;
        if body.contains("ENCRYPTED") || label.contains("ENCRYPTED") {
            return Err("this private key is passphrase protected");
        }
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = decode_base64(&body).map_err(|_| "the key is not base64")?;
        let invalid = "its ASN.1 data is broken";
        match label {
            "RSA PRIVATE KEY" => Self::from_pkcs1(&bytes).ok_or(invalid),
            "PRIVATE KEY" => Self::from_pkcs8(&bytes).ok_or(invalid),
            _ => Err("unsupported key type"),
        }
    }

    fn from_pkcs1(bytes: &[u8]) -> Option<Self> {
        let (inside, _) = element(bytes, SEQUENCE)?;
        let (_, rest) = element(inside, INTEGER)?;
        let (modulus, rest) = element(rest, INTEGER)?;
        let (_, rest) = element(rest, INTEGER)?;
        let (exponent, _) = element(rest, INTEGER)?;
        let modulus = BigUint::from_bytes_be(modulus);
        let is_usable = (512..=16_384).contains(&modulus.bits());
        is_usable.then(|| Self { modulus, exponent: BigUint::from_bytes_be(exponent) })
    }

    fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let (inside, _) = element(bytes, SEQUENCE)?;
        let (_, rest) = element(inside, INTEGER)?;
        let (_, rest) = element(rest, SEQUENCE)?;
        Self::from_pkcs1(element(rest, OCTETS)?.0)
    }

    /// Decrypts; nothing when the padding is wrong.
    pub(super) fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let cipher = BigUint::from_bytes_be(cipher);
        if cipher >= self.modulus {
            return None;
        }
        let length = self.modulus.bits().div_ceil(8) as usize;
        let plain = cipher.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut padded = vec![0; length.checked_sub(plain.len())?];
        padded.extend(plain);
        let rest = padded.strip_prefix(&[0, 2])?;
        let end = rest.iter().position(|byte| *byte == 0).filter(|end| *end >= 8)?;
        Some(rest[end + 1..].to_vec())
    }
}

const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const SEQUENCE: u8 = 0x30;

/// Reads one DER element with a tag: its content, and what follows.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let count = usize::from(length & 0x7f);
        if count > 4 {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0, |n, digit| n << 8 | usize::from(*digit)), rest)
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}
