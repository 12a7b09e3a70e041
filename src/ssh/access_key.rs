//! The key by which sandplan itself logs in: made when it is first needed.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use russh::keys::PrivateKey;

use super::host_key;

const COMMENT: &str = "sandplan";

/// Returns the public key of a private key's file as `ssh-ed25519 AAAA… sandplan`,
/// and makes both files where there are none.
///
/// The private key appears whole and with mode 0600, or not at all. Of two
/// processes that make it at once, one wins and both return the winner's.
pub fn ensure(path: &Path) -> io::Result<String> {
    let key = match fs::read_to_string(path) {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => make(path)?,
        Err(error) => return Err(error),
    };
    let public = key.public_key().to_openssh().map_err(io::Error::other)?;
    let beside = beside(path);
    if !fs::read_to_string(&beside).is_ok_and(|text| text.trim() == public) {
        let mut file = temporary(&beside)?;
        writeln!(file, "{public}")?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.persist(&beside)?;
    }
    Ok(public)
}

fn make(path: &Path) -> io::Result<PrivateKey> {
    if let Some(above) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(above)?;
    }
    let (key, text) = host_key::new_key(COMMENT)?;
    let mut file = temporary(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(key),
        // Somebody else was first: theirs is whole already.
        Err(lost) if lost.error.kind() == ErrorKind::AlreadyExists => {
            parse(&fs::read_to_string(path)?)
        }
        Err(lost) => Err(lost.error),
    }
}

fn parse(text: &str) -> io::Result<PrivateKey> {
    PrivateKey::from_openssh(text).map_err(io::Error::other)
}

/// A file in the same directory with mode 0600, gone unless it is given a name.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let above = path.parent().unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".key-").tempfile_in(above)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ssh/id_ed25519");
        let first = ensure(&path).unwrap();
        assert!(first.starts_with("ssh-ed25519 ") && first.ends_with(" sandplan"), "{first}");
        assert_eq!(ensure(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let above = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(above.permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(beside(&path)).unwrap(), format!("{first}\n"));
        fs::remove_file(beside(&path)).unwrap();
        assert_eq!(ensure(&path).unwrap(), first);
        assert!(beside(&path).exists());
    }

    #[test]
    fn many_who_make_the_key_at_once_get_the_same() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ssh/id_ed25519");
        let made: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16).map(|_| scope.spawn(|| ensure(&path).unwrap())).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|key| *key == made[0]), "{made:#?}");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("id_ed25519");
        fs::write(&path, "damaged").unwrap();
        assert!(ensure(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "damaged");
    }
}
