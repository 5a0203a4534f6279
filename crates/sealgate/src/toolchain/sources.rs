//! Reading a policy from disk: a YAML file, or a folder of role files. Bounded in number and size.
//!
//! Takes paths, gives texts with the names that diagnostics show. Does not look into the texts.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest policy file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// The most role files in one folder.
pub const MAX_FILES: usize = 1_000;

/// One policy's texts.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    /// What the policy is called where it does not name itself: the file's stem, or the folder's name (its parent's where
    /// the folder is called `policies`).
    pub stem: String,
    /// Whether the texts are role files of a folder.
    pub folder: bool,
    /// Names as shown in diagnostics, with their texts, sorted by name.
    pub files: Vec<PolicyFile>,
}

/// One text.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The path as the user gave it.
    pub path: String,
    /// The text.
    pub text: String,
}

impl PolicyFile {
    /// The file name without its folders.
    pub fn name(&self) -> String {
        let name = Path::new(&self.path).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Why a policy could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system said no.
    #[error("cannot read `{path}`")]
    Io {
        /// Which path.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Not UTF-8.
    #[error("`{0}` is not UTF-8 text")]
    NotUtf8(PathBuf),
    /// A file over [`MAX_FILE_BYTES`].
    #[error("`{path}` is larger than {max} bytes", max = MAX_FILE_BYTES)]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// A folder with more than [`MAX_FILES`] role files.
    #[error("`{path}` holds more than {max} role files", max = MAX_FILES)]
    TooMany {
        /// Which folder.
        path: PathBuf,
    },
    /// A folder without role files.
    #[error("`{0}` holds neither role files (`.yaml`) nor Rego (`.rego`, or a `.manifest`)")]
    Empty(PathBuf),
    /// A path whose name cannot name a bundle.
    #[error("`{0}` has no file name to call the bundle by")]
    NoName(PathBuf),
}

impl PolicyFiles {
    /// One file that is in memory already.
    pub fn single(name: &str, text: &str) -> Self {
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { stem, folder: false, files: vec![PolicyFile { path: name.to_owned(), text: text.to_owned() }] }
    }

    /// Reads `path`: a file, or a folder of role files (`*.yaml`, `*.yml`; others are left alone).
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let found = fs::metadata(path).map_err(|source| io(path, source))?;
        if !found.is_dir() {
            return Ok(Self { stem: stem(path)?, folder: false, files: vec![read_file(path)?] });
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(|source| io(path, source))? {
            let entry = entry.map_err(|source| io(path, source))?.path();
            let yaml = entry.extension().is_some_and(|end| end == "yaml" || end == "yml");
            if yaml && entry.is_file() {
                paths.push(entry);
            }
            if paths.len() > MAX_FILES {
                return Err(SourceError::TooMany { path: path.to_owned() });
            }
        }
        if paths.is_empty() {
            return Err(SourceError::Empty(path.to_owned()));
        }
        paths.sort();
        let files = paths.iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
        Ok(Self { stem: folder_name(path)?, folder: true, files })
    }
}

fn read_file(path: &Path) -> Result<PolicyFile, SourceError> {
    let file = fs::File::open(path).map_err(|source| io(path, source))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|source| io(path, source))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(SourceError::TooLarge { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|_| SourceError::NotUtf8(path.to_owned()))?;
    Ok(PolicyFile { path: path.to_string_lossy().into_owned(), text })
}

fn stem(path: &Path) -> Result<String, SourceError> {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .filter(|stem| !stem.is_empty())
        .ok_or_else(|| SourceError::NoName(path.to_owned()))
}

/// A folder's own name; that of its parent where it is called `policies`, as the ancestor calls every folder of role files.
fn folder_name(path: &Path) -> Result<String, SourceError> {
    // `.` and `..` have no name of their own.
    let full = fs::canonicalize(path).map_err(|source| io(path, source))?;
    let named = match full.file_name() {
        Some(name) if name == "policies" => full.parent().unwrap_or(&full),
        _ => &full,
    };
    stem(named)
}

fn io(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_yaml_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("b.yaml", "b"), ("a.yml", "a"), ("calls.txt", "-")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let read = PolicyFiles::read(folder.path()).unwrap();
        let texts: Vec<_> = read.files.iter().map(|file| file.text.as_str()).collect();
        assert!(read.folder);
        assert_eq!(texts, ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_a_policy_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(PolicyFiles::read(folder.path()), Err(SourceError::Empty(_))));
        assert!(matches!(PolicyFiles::read(&folder.path().join("none.yaml")), Err(SourceError::Io { .. })));
        let bad = folder.path().join("bad.yaml");
        fs::write(&bad, [0xff, 0xfe]).unwrap();
        assert!(matches!(PolicyFiles::read(&bad), Err(SourceError::NotUtf8(_))));
        let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
        large.set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(PolicyFiles::read(&folder.path().join("large.yaml")), Err(SourceError::TooLarge { .. })));
    }
}
