//! Files of keys: `PREFIX.private` (mode 0600 from its first moment), `PREFIX.public`, and folders of `*.public` and
//! `*.revoked`. The only part of [`super`] that touches the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyError, PublicKey, SigningKey, TrustStore};

/// Extension of a private key's file.
pub const PRIVATE: &str = "private";
/// Extension of a public key's file.
pub const PUBLIC: &str = "public";
/// Extension of the file of a public key that is no longer trusted.
pub const REVOKED: &str = "revoked";

/// More than any key's text has; a larger file is not a key.
const MAX_FILE: u64 = 256;

/// `PREFIX.private` and `PREFIX.public`.
pub fn pair_paths(prefix: &Path) -> (PathBuf, PathBuf) {
    let with = |extension: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(".");
        path.push(extension);
        PathBuf::from(path)
    };
    (with(PRIVATE), with(PUBLIC))
}

/// Writes a key pair and gives the paths of the private and the public file. The private file is created with mode 0600
/// and never has another. Existing files are replaced only with `force`, each in one step.
///
/// # Errors
/// [`KeyError::Exists`], [`KeyError::Io`].
pub fn write_pair(prefix: &Path, key: &SigningKey, force: bool) -> Result<(PathBuf, PathBuf), KeyError> {
    let (private, public) = pair_paths(prefix);
    if !force && let Some(path) = [&private, &public].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(KeyError::Exists { path: path.display().to_string() });
    }
    let mut text = Zeroizing::new(String::with_capacity(super::KEY_TEXT_LEN + 1));
    text.push_str(&key.expose_text());
    text.push('\n');
    write_new(&private, text.as_bytes(), 0o600, force)?;
    write_new(&public, format!("{}\n", key.public_key()).as_bytes(), 0o644, force)?;
    Ok((private, public))
}

/// Reads a private key.
///
/// # Errors
/// [`KeyError::ReadableByOthers`] where the group or others have any right to the file, [`KeyError::Io`],
/// [`KeyError::InFile`].
pub fn read_signing_key(path: &Path) -> Result<SigningKey, KeyError> {
    let mut file = File::open(path).map_err(|source| at(path, source))?;
    refuse_readable(path, &file)?;
    let text = read_text(path, &mut file)?;
    SigningKey::parse(&text).map_err(|source| in_file(path, source))
}

/// Reads a public key.
///
/// # Errors
/// [`KeyError::Io`], [`KeyError::InFile`].
pub fn read_public_key(path: &Path) -> Result<PublicKey, KeyError> {
    let mut file = File::open(path).map_err(|source| at(path, source))?;
    let text = read_text(path, &mut file)?;
    PublicKey::parse(&text).map_err(|source| in_file(path, source))
}

/// Makes a trust store from paths, each a file of one public key or a folder of `*.public` and `*.revoked` files; what
/// one path revokes is revoked whichever path trusts it. A single file called `*.revoked` revokes too.
///
/// # Errors
/// The first file that does not read; [`KeyError::EmptyFolder`] for a folder without a public key.
pub fn read_trust_store<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<TrustStore, KeyError> {
    let mut store = TrustStore::new();
    for path in paths {
        let path = path.as_ref();
        if path.is_dir() { add_folder(&mut store, path)? } else { add_file(&mut store, path)? }
    }
    Ok(store)
}

fn add_folder(store: &mut TrustStore, folder: &Path) -> Result<(), KeyError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| at(folder, source))? {
        let path = entry.map_err(|source| at(folder, source))?.path();
        if has_extension(&path, PUBLIC) || has_extension(&path, REVOKED) {
            paths.push(path);
        }
    }
    if !paths.iter().any(|path| has_extension(path, PUBLIC)) {
        return Err(KeyError::EmptyFolder { path: folder.display().to_string() });
    }
    paths.sort();
    paths.iter().try_for_each(|path| add_file(store, path))
}

fn add_file(store: &mut TrustStore, path: &Path) -> Result<(), KeyError> {
    let key = read_public_key(path)?;
    if has_extension(path, REVOKED) {
        store.revoke(key.id());
        return Ok(());
    }
    store.add(key)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Writes a file that exists complete or not at all: beside its place, then renamed, or linked where nothing may be
/// replaced.
fn write_new(path: &Path, bytes: &[u8], mode: u32, force: bool) -> Result<(), KeyError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (mut file, beside) = create_beside(folder, mode).map_err(|source| at(folder, source))?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| at(path, source)).and_then(|()| {
            if force {
                return fs::rename(&beside, path).map_err(|source| at(path, source));
            }
            // A hard link fails where the name is taken, which a rename does not.
            match fs::hard_link(&beside, path) {
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                    Err(KeyError::Exists { path: path.display().to_string() })
                }
                linked => linked.map_err(|source| at(path, source)),
            }
        });
    if written.is_err() || !force {
        // Nothing to do about a failure here: the file that remains is as private as the key.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Creates a new file with a name that nothing else has, with `mode` from the first moment.
fn create_beside(folder: &Path, mode: u32) -> io::Result<(File, PathBuf)> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let path = folder.join(format!(".sealgate-key-{}", hex::encode(random)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_mode(&mut options, mode);
    Ok((options.open(&path)?, path))
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: u32) {}

#[cfg(unix)]
fn refuse_readable(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::MetadataExt;
    // Of the open file, so that nothing can be swapped between the look and the read.
    let mode = file.metadata().map_err(|source| at(path, source))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::ReadableByOthers { path: path.display().to_string(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable(_: &Path, _: &File) -> Result<(), KeyError> {
    Ok(())
}

fn read_text(path: &Path, file: &mut File) -> Result<Zeroizing<String>, KeyError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|source| at(path, source))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(in_file(path, KeyError::Malformed)),
    }
}

fn at(path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { path: path.display().to_string(), source }
}

fn in_file(path: &Path, source: KeyError) -> KeyError {
    KeyError::InFile { path: path.display().to_string(), source: Box::new(source) }
}
