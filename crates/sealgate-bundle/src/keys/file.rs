//! Files of keys: `PREFIX.private` (mode 0600 from its first moment), `PREFIX.public`, `PREFIX.revoked`, sets of public keys
//! as `*.jwks`, and folders of all but the first. The only part of [`super`] that touches the file system or the environment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyError, KeyId, PublicKey, SigningKey, TrustStore, jwks};
use crate::opa::{OpaSigner, OpaTrust};

/// Extension of a private key's file.
pub const PRIVATE: &str = "private";
/// Extension of a public key's file.
pub const PUBLIC: &str = "public";
/// Extension of the file of a public key that is no longer trusted.
pub const REVOKED: &str = "revoked";

/// Extension of a set of public keys (RFC 7517); `json` is taken too, where a file is named by itself.
pub const JWKS: &str = "jwks";

/// More than any key's text has; a larger file is not a key.
const MAX_FILE: u64 = 256;
/// More than any private key in PEM has.
const MAX_PEM: u64 = 16 << 10;

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
    let text = read_private(path, MAX_FILE)?;
    SigningKey::parse(&text).map_err(|source| in_file(path, source))
}

/// Reads a private key from an environment variable, so that it need not lie on a disk. The variable stays as it is: who
/// sets it for this process alone keeps it from others.
///
/// # Errors
/// [`KeyError::NoVariable`], [`KeyError::Malformed`].
pub fn read_signing_key_from_env(variable: &str) -> Result<SigningKey, KeyError> {
    let text = std::env::var(variable).map_err(|_| KeyError::NoVariable(variable.to_owned()))?;
    SigningKey::parse(&Zeroizing::new(text))
}

/// Reads a private key in PEM that signs for OPA under the id `id`.
///
/// # Errors
/// As [`read_signing_key`].
pub fn read_opa_signer(path: &Path, id: &str) -> Result<OpaSigner, KeyError> {
    let text = read_private(path, MAX_PEM)?;
    OpaSigner::from_pem(&text, id).map_err(|source| in_file(path, source))
}

/// Reads keys for OPA's signatures: the `keys` object of an OPA configuration, or a JWKS.
///
/// # Errors
/// [`KeyError::Io`], [`KeyError::Opa`].
pub fn read_opa_trust(path: &Path) -> Result<OpaTrust, KeyError> {
    let bytes = read_bytes(path, jwks::MAX_BYTES)?;
    OpaTrust::parse(&bytes)
        .map_err(|source| KeyError::Opa { path: path.display().to_string(), source: Box::new(source) })
}

fn read_private(path: &Path, limit: u64) -> Result<Zeroizing<String>, KeyError> {
    let mut file = File::open(path).map_err(|source| at(path, source))?;
    refuse_readable(path, &file)?;
    read_text(path, &mut file, limit)
}

fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, KeyError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|source| at(path, source))?;
    Ok(bytes)
}

/// Reads a public key.
///
/// # Errors
/// [`KeyError::Io`], [`KeyError::InFile`].
pub fn read_public_key(path: &Path) -> Result<PublicKey, KeyError> {
    let mut file = File::open(path).map_err(|source| at(path, source))?;
    let text = read_text(path, &mut file, MAX_FILE)?;
    PublicKey::parse(&text).map_err(|source| in_file(path, source))
}

/// Makes a trust store from paths, each a file or a folder. In a folder count `*.public` (one key each), `*.jwks` (sets of
/// keys, of which those of Ed25519 are taken) and `*.revoked` (one key or key id each); a file may be called `*.json` too.
/// What one path revokes is revoked whichever path trusts it.
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

/// One file of a folder of keys, as [`list`] gives it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// The key's id.
    pub id: KeyId,
    /// The key; none where the file revokes an id alone.
    pub key: Option<PublicKey>,
    /// Whether the file revokes it.
    pub revoked: bool,
}

/// Everything that the files of a folder, or one file, say of keys, by path.
///
/// # Errors
/// The first file that does not read.
pub fn list(path: &Path) -> Result<Vec<Listed>, KeyError> {
    let paths = if path.is_dir() { key_files(path)? } else { vec![path.to_owned()] };
    let mut listed = Vec::new();
    for path in paths {
        listed.extend(read_listed(&path)?);
    }
    Ok(listed)
}

/// Writes each key as `PREFIX.public` into `folder`, under the prefix that comes with it. A file that holds the same key
/// already is left as it is.
///
/// # Errors
/// [`KeyError::Exists`] where a file of that name holds something else, [`KeyError::Io`].
pub fn import(folder: &Path, keys: &[(String, PublicKey)]) -> Result<Vec<PathBuf>, KeyError> {
    fs::create_dir_all(folder).map_err(|source| at(folder, source))?;
    let mut written = Vec::with_capacity(keys.len());
    for (prefix, key) in keys {
        let (_, public) = pair_paths(&folder.join(prefix));
        let same = public.is_file() && read_public_key(&public).is_ok_and(|found| found == *key);
        if !same {
            write_new(&public, format!("{key}\n").as_bytes(), 0o644, false)?;
        }
        written.push(public);
    }
    Ok(written)
}

/// Revokes the key with this id in `folder`, and gives the file that says so. Its `NAME.public` becomes `NAME.revoked`;
/// where the folder does not know the key, `ID.revoked` is written, so that it stays refused whoever adds it later.
///
/// # Errors
/// [`KeyError::Io`], [`KeyError::Exists`] where `NAME.revoked` is there and is another key's.
pub fn revoke(folder: &Path, id: KeyId) -> Result<PathBuf, KeyError> {
    let listed = list(folder)?;
    if let Some(done) = listed.iter().find(|entry| entry.id == id && entry.revoked) {
        return Ok(done.path.clone());
    }
    let public = listed.iter().find(|entry| entry.id == id && has_extension(&entry.path, PUBLIC));
    let (target, text) = match public {
        Some(Listed { path, key: Some(key), .. }) => (path.with_extension(REVOKED), format!("{key}\n")),
        _ => (folder.join(format!("{id}.{REVOKED}")), format!("{id}\n")),
    };
    // The new file first: there is no moment at which the key is neither trusted nor revoked.
    write_new(&target, text.as_bytes(), 0o644, false)?;
    if let Some(public) = public {
        fs::remove_file(&public.path).map_err(|source| at(&public.path, source))?;
    }
    Ok(target)
}

fn add_folder(store: &mut TrustStore, folder: &Path) -> Result<(), KeyError> {
    let paths = key_files(folder)?;
    if paths.iter().all(|path| has_extension(path, REVOKED)) {
        return Err(KeyError::EmptyFolder { path: folder.display().to_string() });
    }
    paths.iter().try_for_each(|path| add_file(store, path))
}

fn key_files(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| at(folder, source))? {
        let path = entry.map_err(|source| at(folder, source))?.path();
        if [PUBLIC, REVOKED, JWKS].iter().any(|extension| has_extension(&path, extension)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn add_file(store: &mut TrustStore, path: &Path) -> Result<(), KeyError> {
    for entry in read_listed(path)? {
        match entry.key {
            Some(key) if !entry.revoked => store.add(key)?,
            _ => store.revoke(entry.id),
        }
    }
    Ok(())
}

fn read_listed(path: &Path) -> Result<Vec<Listed>, KeyError> {
    let one = |key: PublicKey, revoked| Listed { path: path.to_owned(), id: key.id(), key: Some(key), revoked };
    if has_extension(path, JWKS) || has_extension(path, "json") {
        let keys = jwks::parse(&read_bytes(path, jwks::MAX_BYTES)?).map_err(|source| in_file(path, source))?;
        return Ok(keys.iter().filter_map(jwks::Jwk::ed25519).map(|key| one(key, false)).collect());
    }
    if !has_extension(path, REVOKED) {
        return Ok(vec![one(read_public_key(path)?, false)]);
    }
    let mut file = File::open(path).map_err(|source| at(path, source))?;
    let text = read_text(path, &mut file, MAX_FILE)?;
    if let Some(id) = KeyId::parse(text.trim_end_matches(['\r', '\n'])) {
        return Ok(vec![Listed { path: path.to_owned(), id, key: None, revoked: true }]);
    }
    let key = PublicKey::parse(&text).map_err(|source| in_file(path, source))?;
    Ok(vec![one(key, true)])
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

fn read_text(path: &Path, file: &mut File, limit: u64) -> Result<Zeroizing<String>, KeyError> {
    // Large enough from the start: what a growing buffer leaves behind is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0) + 1));
    file.take(limit).read_to_end(&mut bytes).map_err(|source| at(path, source))?;
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
