//! Finding and reading modules and data: files, folders as `opa build` and `opa test` take them, and OPA bundles.
//!
//! Takes paths, gives [`RegoFiles`]: texts with the version they are written in, data merged by its place, and what a
//! bundle's manifest says. Bounded in number and size. Parses no Rego.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sealgate_rego::ast::Version;
use serde_json::{Map, Value};

use super::manifest::{self, OpaManifest};
use super::{archive, data};

/// The largest module that is read, in bytes.
pub const MAX_MODULE_BYTES: u64 = 64 << 20;
/// The most that all files of one run may have together, in bytes.
pub const MAX_TOTAL_BYTES: u64 = 2 << 30;
/// The most files of one run.
const MAX_FILES: usize = 100_000;
/// How deep folders are followed.
const MAX_DEPTH: usize = 64;

/// What is read of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FolderMode {
    /// As a bundle: modules, and data in files called `data.json`, `data.yaml` or `data.yml`.
    #[default]
    Bundle,
    /// As OPA loads `-d`: modules, and data in every `.json`, `.yaml` and `.yml` file. A file that is no object or
    /// contradicts another is left out with a note, unless it is called `data`.
    AllData,
}

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What is read of a folder.
    pub folders: FolderMode,
    /// File and folder names, or paths below a folder, to leave out: globs with `*`, `?` and `[…]`.
    pub ignore: Vec<String>,
    /// Whether modules called `*_test.rego` are read.
    pub tests: bool,
}

/// Modules and data, read together.
#[derive(Clone, Debug, Default)]
pub struct RegoFiles {
    /// What a bundle is called where nobody names it: the first path's folder or file stem.
    pub stem: String,
    /// The modules, sorted by path.
    pub modules: Vec<RegoFile>,
    /// The base documents.
    pub data: Map<String, Value>,
    /// The roots that manifests declare; none where there is no manifest.
    pub roots: Option<Vec<String>>,
    /// The revision that a manifest gives.
    pub revision: Option<String>,
    /// The entrypoints of Wasm modules that manifests name.
    pub entrypoints: Vec<String>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// One module's text.
#[derive(Clone, Debug)]
pub struct RegoFile {
    /// The path as diagnostics show it.
    pub path: String,
    /// The path below what the user named: what the source is called in a bundle.
    pub name: String,
    /// The text.
    pub text: String,
    /// What a manifest says it is written in.
    pub version: Option<Version>,
}

/// Why files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system said no.
    #[error("cannot read `{path}`")]
    Io {
        /// Which path.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A bundle's archive that is none.
    #[error("`{path}` is no OPA bundle: {problem}")]
    Archive {
        /// Which archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file that does not hold what its name says.
    #[error("`{path}`: {problem}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// More or larger files than are read.
    #[error("`{path}`: {problem}")]
    Bound {
        /// Where the bound was met.
        path: PathBuf,
        /// Which.
        problem: String,
    },
    /// Nothing to compile.
    #[error("no `.rego` file in {}", .0.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", "))]
    NoModules(Vec<PathBuf>),
    /// A manifest that its bundle contradicts.
    #[error("`{path}`: {problem}")]
    Manifest {
        /// The bundle.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl ReadError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Whether a path is Rego: a `.rego` file, an archive (`.tar.gz`), or a folder with a `.rego` file or a `.manifest`
/// anywhere in it. Any other folder holds the role files of a policy, and a `.yaml` file is one.
pub fn is_rego(path: &Path) -> bool {
    if path.is_dir() { holds_rego(path, 0) } else { is_module(path) || is_archive(path) }
}

fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rego")
}

fn is_archive(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".tar.gz")
}

fn holds_rego(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            folders.push(path);
        } else if is_module(&path) || path.file_name().is_some_and(|name| name == ".manifest") {
            return true;
        }
    }
    depth < MAX_DEPTH && folders.iter().any(|folder| holds_rego(folder, depth + 1))
}

impl RegoFiles {
    /// Reads paths together: files, folders, archives. A path may begin with the place of its data, as in
    /// `users.staff:people.json`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<Self, ReadError> {
        let mut reader = Reader { options, files: Self::default(), count: 0, bytes: 0 };
        for path in paths {
            reader.read(path)?;
        }
        let mut files = reader.files;
        files.stem = paths.first().map(|path| stem(path)).unwrap_or_default();
        files.modules.sort_by(|a, b| a.path.cmp(&b.path));
        files.modules.dedup_by(|a, b| a.path == b.path);
        files.entrypoints.sort();
        files.entrypoints.dedup();
        if files.modules.is_empty() && !files.entrypoints.is_empty() {
            let names = files.entrypoints.join("`, `");
            let problem = format!("holds no Rego, only Wasm for `{names}`; a rebuild begins with Rego");
            return Err(ReadError::Manifest { path: paths.first().cloned().unwrap_or_default(), problem });
        }
        Ok(files)
    }

    /// As [`RegoFiles::read`], where at least one module is needed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_modules(paths: &[PathBuf], options: &ReadOptions) -> Result<Self, ReadError> {
        let files = Self::read(paths, options)?;
        if files.modules.is_empty() { Err(ReadError::NoModules(paths.to_vec())) } else { Ok(files) }
    }
}

struct Reader<'o> {
    options: &'o ReadOptions,
    files: RegoFiles,
    count: usize,
    bytes: u64,
}

/// What is done with a file that a walk comes to: its path, its name, and the names of the folders that lead to it.
type Take<'a, S> = dyn FnMut(&mut S, &Path, &str, &[String]) -> Result<(), ReadError> + 'a;

impl Reader<'_> {
    fn read(&mut self, given: &Path) -> Result<(), ReadError> {
        let (place, path) = split_place(given);
        let found = fs::metadata(&path).map_err(|source| ReadError::io(&path, source))?;
        if found.is_dir() {
            return self.read_folder(&path, place);
        }
        if is_archive(&path) {
            let files = archive::read(&path)?;
            return self.read_bundle(&path, files);
        }
        let text = self.read_text(&path)?;
        let shown = path.to_string_lossy().into_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_module(&path) {
            self.files.modules.push(RegoFile { path: shown, name, text, version: None });
            return Ok(());
        }
        let Some(document) = document(&shown, &text) else {
            let problem = "is no `.rego`, `.json`, `.yaml` or `.tar.gz` file".to_owned();
            return Err(ReadError::File { path: shown, problem });
        };
        let problem = |problem| ReadError::File { path: shown.clone(), problem };
        data::merge(&mut self.files.data, &place, document.map_err(&problem)?).map_err(&problem)
    }

    fn read_folder(&mut self, folder: &Path, place: Vec<String>) -> Result<(), ReadError> {
        if folder.join(".manifest").is_file() {
            let mut files = Vec::new();
            self.walk(folder, &mut Vec::new(), &mut |this, path, below, _| {
                if below == ".manifest" || is_bundle_file(below) {
                    files.push((below.to_owned(), this.read_text(path)?.into_bytes()));
                }
                Ok(())
            })?;
            return self.read_bundle(folder, files);
        }
        let mut modules = Vec::new();
        let mut documents = Vec::new();
        let all = self.options.folders == FolderMode::AllData;
        self.walk(folder, &mut Vec::new(), &mut |this, path, below, parents| {
            if is_module(path) {
                let text = this.read_text(path)?;
                let path = path.to_string_lossy().into_owned();
                modules.push(RegoFile { path, name: below.to_owned(), text, version: None });
            } else if is_data_file(below) || (all && is_document(below)) {
                let text = this.read_text(path)?;
                documents.push((path.to_string_lossy().into_owned(), parents.to_vec(), is_data_file(below), text));
            }
            Ok(())
        })?;
        self.files.modules.extend(modules);
        // Files that are called `data` come first: what contradicts them is left out.
        documents.sort_by_key(|(_, _, called_data, _)| !called_data);
        for (path, parents, called_data, text) in documents {
            let place: Vec<String> = place.iter().cloned().chain(parents).collect();
            let read = document(&path, &text).unwrap_or(Ok(Value::Null));
            let merged = read.and_then(|document| {
                // A merge that fails may leave a part behind.
                if !called_data {
                    data::check(&self.files.data, &place, &document)?;
                }
                data::merge(&mut self.files.data, &place, document)
            });
            match merged {
                Ok(()) => {}
                Err(problem) if called_data => return Err(ReadError::File { path, problem }),
                Err(problem) => self.files.notes.push(format!("`{path}` is left out: {problem}")),
            }
        }
        Ok(())
    }

    /// The files of a bundle, from an archive or a folder with a `.manifest`.
    fn read_bundle(&mut self, path: &Path, files: Vec<(String, Vec<u8>)>) -> Result<(), ReadError> {
        let wrong = |problem: String| ReadError::Manifest { path: path.to_owned(), problem };
        let mut texts = Vec::new();
        let mut manifest = OpaManifest::default();
        for (name, bytes) in files {
            if name != ".manifest" && !is_bundle_file(&name) {
                continue;
            }
            let text = String::from_utf8(bytes).map_err(|_| wrong(format!("`{name}` is not UTF-8 text")))?;
            if name == ".manifest" {
                manifest = OpaManifest::parse(&text).map_err(|problem| wrong(format!("`.manifest`: {problem}")))?;
            } else if !self.is_ignored(&name) {
                texts.push((name, text));
            }
        }
        let mut own = Map::new();
        for (name, text) in texts {
            let shown = format!("{}/{name}", path.display());
            if name.ends_with(".rego") {
                let version = manifest.version_of(&name);
                if self.options.tests || !is_test(&name) {
                    self.files.modules.push(RegoFile { path: shown, name, text, version });
                }
                continue;
            }
            let place: Vec<String> = name.split('/').map(str::to_owned).collect();
            let place = place.split_last().map(|(_, parents)| parents.to_vec()).unwrap_or_default();
            let Some(document) = document(&shown, &text) else { continue };
            let problem = |problem| ReadError::File { path: shown.clone(), problem };
            data::merge(&mut own, &place, document.map_err(&problem)?).map_err(&problem)?;
        }
        let roots = manifest.roots.clone().unwrap_or_else(|| vec![String::new()]);
        if let Some(outside) = data::outside(&own, &roots) {
            return Err(wrong(format!("the roots `{}` do not permit data at `{outside}`", roots.join("`, `"))));
        }
        let overlap = self.files.roots.iter().flatten().find_map(|there| {
            let also = roots.iter().find(|root| manifest::contains(root, there) || manifest::contains(there, root));
            also.map(|root| format!("its root `{root}` overlaps with the root `{there}` of another bundle"))
        });
        if let Some(problem) = overlap {
            return Err(wrong(problem));
        }
        data::merge(&mut self.files.data, &[], Value::Object(own)).map_err(wrong)?;
        self.files.entrypoints.extend(manifest.entrypoints().map(str::to_owned));
        self.files.roots.get_or_insert_default().extend(roots);
        if !manifest.revision.is_empty() {
            self.files.revision = Some(manifest.revision);
        }
        Ok(())
    }

    /// Calls `take` with every file below a folder that is not left out, in the order of names: its path, its path below
    /// the folder, and the folders between.
    fn walk(&mut self, folder: &Path, parents: &mut Vec<String>, take: &mut Take<'_, Self>) -> Result<(), ReadError> {
        let bound = |problem: String| ReadError::Bound { path: folder.to_owned(), problem };
        if parents.len() > MAX_DEPTH {
            return Err(bound(format!("lies more than {MAX_DEPTH} folders deep")));
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|source| ReadError::io(folder, source))? {
            paths.push(entry.map_err(|source| ReadError::io(folder, source))?.path());
        }
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
            let below = parents.iter().map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>().join("/");
            if self.is_ignored(&below) {
                continue;
            }
            if path.is_dir() {
                // Version control keeps copies of everything.
                if name != ".git" {
                    parents.push(name);
                    self.walk(&path, parents, take)?;
                    parents.pop();
                }
                continue;
            }
            self.count += 1;
            if self.count > MAX_FILES {
                return Err(bound(format!("more than {MAX_FILES} files")));
            }
            if self.options.tests || !is_test(&name) {
                take(self, &path, &below, parents)?;
            }
        }
        Ok(())
    }

    fn is_ignored(&self, below: &str) -> bool {
        let name = below.rsplit('/').next().unwrap_or(below);
        self.options.ignore.iter().any(|pattern| glob_matches(pattern, name) || glob_matches(pattern, below))
    }

    fn read_text(&mut self, path: &Path) -> Result<String, ReadError> {
        let limit = if is_module(path) { MAX_MODULE_BYTES } else { MAX_TOTAL_BYTES };
        let limit = limit.min(MAX_TOTAL_BYTES.saturating_sub(self.bytes));
        let file = fs::File::open(path).map_err(|source| ReadError::io(path, source))?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|source| ReadError::io(path, source))?;
        if bytes.len() as u64 > limit {
            return Err(ReadError::Bound { path: path.to_owned(), problem: format!("has more than {limit} bytes") });
        }
        self.bytes += bytes.len() as u64;
        String::from_utf8(bytes)
            .map_err(|_| ReadError::File { path: path.display().to_string(), problem: "is not UTF-8 text".to_owned() })
    }
}

/// The document in a text, by the ending of its file's name; none for a file of another kind.
fn document(name: &str, text: &str) -> Option<Result<Value, String>> {
    if name.ends_with(".json") {
        return Some(serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}")));
    }
    if is_document(name) {
        return Some(serde_saphyr::from_str(text).map_err(|error| format!("is not YAML: {error}")));
    }
    None
}

/// A YAML text's one document.
///
/// # Errors
/// What is wrong with it.
pub fn yaml(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

fn is_document(name: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end))
}

fn is_data_file(below: &str) -> bool {
    matches!(below.rsplit('/').next(), Some("data.json" | "data.yaml" | "data.yml"))
}

fn is_bundle_file(below: &str) -> bool {
    below.ends_with(".rego") || is_data_file(below)
}

fn is_test(name: &str) -> bool {
    name.ends_with("_test.rego")
}

/// `a.b:path` as the place and the path; a path that is there under its whole name has no place.
fn split_place(given: &Path) -> (Vec<String>, PathBuf) {
    let text = given.to_string_lossy();
    match text.split_once(':') {
        Some((place, path)) if !place.is_empty() && !given.exists() => {
            (place.split('.').map(str::to_owned).collect(), PathBuf::from(path))
        }
        _ => (Vec::new(), given.to_owned()),
    }
}

fn stem(path: &Path) -> String {
    let (_, path) = split_place(path);
    let full = fs::canonicalize(&path).unwrap_or(path);
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".rego")).unwrap_or(&name);
    if stem.is_empty() { "policy".to_owned() } else { stem.to_owned() }
}

/// Whether a shell pattern matches a text: `*` and `?` stay within a name, `**` does not, `[a-z]` and `[!a]` are one
/// character.
pub(super) fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // One row of the table "does the pattern so far match the text so far" at a time: no pattern is slow.
    let mut row = vec![false; text.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    let mut at = 0;
    while let Some(char) = pattern.get(at) {
        let mut next = vec![false; text.len() + 1];
        let step = match char {
            '*' => {
                let crosses = pattern.get(at + 1) == Some(&'*');
                let mut open = false;
                for (index, slot) in next.iter_mut().enumerate() {
                    if index > 0 && !crosses && text.get(index - 1) == Some(&'/') {
                        open = false;
                    }
                    open |= row.get(index) == Some(&true);
                    *slot = open;
                }
                if crosses { 2 } else { 1 }
            }
            other => {
                let (length, is): (usize, Box<dyn Fn(char) -> bool>) = match (other, class(&pattern, at)) {
                    ('?', _) => (1, Box::new(|char| char != '/')),
                    ('[', Some((length, class))) => (length, class),
                    ('\\', _) if pattern.get(at + 1).is_some() => {
                        let wanted = pattern.get(at + 1).copied();
                        (2, Box::new(move |char| Some(char) == wanted))
                    }
                    _ => {
                        let wanted = *other;
                        (1, Box::new(move |char| char == wanted))
                    }
                };
                for (index, char) in text.iter().enumerate() {
                    if row.get(index) == Some(&true)
                        && is(*char)
                        && let Some(slot) = next.get_mut(index + 1)
                    {
                        *slot = true;
                    }
                }
                length
            }
        };
        at += step;
        row = next;
    }
    row.last() == Some(&true)
}

type Class = (usize, Box<dyn Fn(char) -> bool>);

fn class(pattern: &[char], at: usize) -> Option<Class> {
    let end = pattern.iter().skip(at + 2).position(|char| *char == ']')? + at + 2;
    let inside = pattern.get(at + 1..end)?;
    let (negated, inside) = match inside.split_first() {
        Some(('!' | '^', rest)) => (true, rest.to_vec()),
        _ => (false, inside.to_vec()),
    };
    let is = move |char: char| {
        let mut rest = inside.as_slice();
        loop {
            let found = match rest {
                [low, '-', high, tail @ ..] => {
                    rest = tail;
                    (*low..=*high).contains(&char)
                }
                [one, tail @ ..] => {
                    rest = tail;
                    *one == char
                }
                [] => return negated,
            };
            if found {
                return !negated;
            }
        }
    };
    Some((end + 1 - at, Box::new(is)))
}

#[cfg(test)]
mod tests;
