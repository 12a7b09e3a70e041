//! Ed25519 host keys: text forms, fingerprints, labels, and new ones.

use std::fmt;
use std::net::IpAddr;

use russh::keys::ssh_key::public::{Ed25519PublicKey, KeyData};
use russh::keys::ssh_key::{Algorithm, HashAlg, LineEnding};
use russh::keys::{PrivateKey, PublicKey};

/// The alphabet of RFC 4648, section 6, in lower case: fit for a cloud's labels.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 32 bytes are 256 bits, and a character holds 5.
const LABEL_LENGTH: usize = 52;

/// The public half of a server's ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostKey([u8; 32]);

/// Why a text is no host key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("This is no ed25519 host key: it should read {expected}.")]
pub struct Malformed {
    expected: &'static str,
}

impl HostKey {
    /// Reads `ssh-ed25519 AAAA…`, with or without a comment.
    pub fn from_openssh(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "`ssh-ed25519 AAAA…`" };
        let key = PublicKey::from_openssh(text.trim()).map_err(|_| malformed.clone())?;
        Self::of(&key).ok_or(malformed)
    }

    /// Reads what [`HostKey::to_label`] wrote.
    pub fn from_label(label: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "52 characters of a-z and 2-7" };
        let mut bytes = [0; 32];
        let (mut bits, mut held, mut filled) = (0_u32, 0, 0);
        if label.len() != LABEL_LENGTH {
            return Err(malformed);
        }
        for character in label.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == character);
            let digit = digit.and_then(|digit| u32::try_from(digit).ok());
            bits = (bits << 5) | digit.ok_or_else(|| malformed.clone())?;
            held += 5;
            if held >= 8 && filled < bytes.len() {
                held -= 8;
                bytes[filled] = u8::try_from((bits >> held) & 0xff).unwrap_or_default();
                filled += 1;
                bits &= (1 << held) - 1;
            }
        }
        // What is left over is padding, and there is one way to write a key.
        if bits == 0 { Ok(Self(bytes)) } else { Err(malformed) }
    }

    /// Returns the key of a server's, if it is of this kind.
    pub(super) fn of(key: &PublicKey) -> Option<Self> {
        key.key_data().ed25519().map(|key| Self(key.0))
    }

    fn public_key(&self) -> PublicKey {
        PublicKey::new(KeyData::Ed25519(Ed25519PublicKey(self.0)), "")
    }

    /// Writes it as `ssh-ed25519 AAAA…`, without a comment.
    pub fn to_openssh(&self) -> String {
        self.public_key().to_openssh().unwrap_or_default()
    }

    /// Writes its 32 bytes as 52 lower-case base32 characters, for clouds whose
    /// labels hold at most 63 characters of `[A-Za-z0-9_.-]`.
    pub fn to_label(&self) -> String {
        let bit = |at: usize| self.0.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
        let digit = |at: usize| (0..5).fold(0, |sum, n| sum * 2 + usize::from(bit(at * 5 + n)));
        (0..LABEL_LENGTH).map(|at| char::from(ALPHABET[digit(at)])).collect()
    }

    /// Returns its fingerprint as `ssh` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// Returns the line of a `known_hosts` file that pins it.
    pub fn known_hosts(&self, address: IpAddr, port: u16) -> String {
        match port {
            22 => format!("{address} {}", self.to_openssh()),
            port => format!("[{address}]:{port} {}", self.to_openssh()),
        }
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

/// A private key in OpenSSH's text form, which does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyText(String);

impl PrivateKeyText {
    /// Returns the secret, to be put where it belongs and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyText(…)")
    }
}

/// Makes a host key that is used once: it is sent to a machine that boots, and
/// replaced over the first connection that it secured.
pub fn generate() -> std::io::Result<(PrivateKeyText, HostKey)> {
    let (key, text) = new_key("")?;
    let public = HostKey::of(key.public_key()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok((text, public))
}

/// Makes an ed25519 key and its text.
pub(super) fn new_key(comment: &str) -> std::io::Result<(PrivateKey, PrivateKeyText)> {
    let mut key =
        PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(std::io::Error::other)?;
    key.set_comment(comment);
    let text = key.to_openssh(LineEnding::LF).map_err(std::io::Error::other)?;
    Ok((key, PrivateKeyText(text.to_string())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn a_key_reads_and_prints_as_openssh_has_it() {
        let key = HostKey::from_openssh(&format!("{TEXT} user@example\n")).unwrap();
        assert_eq!(key.to_openssh(), TEXT);
        assert_eq!(key.fingerprint(), "SHA256:T7SvZ2cslqpPj6nKzitCBHHlpVF3r3MvLwmFL0fk0IE");
        let address = "192.0.2.7".parse().unwrap();
        assert_eq!(key.known_hosts(address, 22), format!("192.0.2.7 {TEXT}"));
        assert_eq!(key.known_hosts(address, 2222), format!("[192.0.2.7]:2222 {TEXT}"));
        assert_eq!(
            key.known_hosts("2001:db8::7".parse().unwrap(), 22),
            format!("2001:db8::7 {TEXT}")
        );
    }

    #[test]
    fn what_is_no_ed25519_key_is_refused() {
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
        for text in ["", "ssh-ed25519", "ssh-ed25519 AAAA", ecdsa] {
            assert!(HostKey::from_openssh(text).is_err(), "{text}");
        }
        let good = HostKey::from_openssh(TEXT).unwrap().to_label();
        for label in ["", "abc", &good[1..], &format!("{}!", &good[..51]), &good.to_uppercase()] {
            assert!(HostKey::from_label(label).is_err(), "{label}");
        }
        // The last character holds one bit and four of padding.
        assert!(HostKey::from_label(&format!("{}b", &good[..51])).is_err());
    }

    #[test]
    fn a_new_key_is_another_each_time_and_never_prints_its_secret() {
        let (private, public) = generate().unwrap();
        assert!(private.expose().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(private.expose().ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        let read = PrivateKey::from_openssh(private.expose()).unwrap();
        assert_eq!(HostKey::of(read.public_key()), Some(public));
        assert_eq!(format!("{private:?}"), "PrivateKeyText(…)");
        assert_ne!(generate().unwrap().1, public);
    }

    proptest! {
        #[test]
        fn a_label_holds_the_whole_key(bytes: [u8; 32]) {
            let key = HostKey(bytes);
            let label = key.to_label();
            prop_assert_eq!(label.len(), 52);
            prop_assert_eq!(HostKey::from_label(&label), Ok(key));
        }
    }
}
