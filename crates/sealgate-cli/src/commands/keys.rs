//! `sealgate keys`: what a trust store holds, and how it changes.

use std::path::{Path, PathBuf};

use sealgate::bundle::KeyId;
use sealgate::bundle::keys::file::{self, Listed};
use sealgate::bundle::keys::jwks;

use crate::output::{self, note, say};
use crate::{Exit, Failure, table};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the keys of files and folders: id, state, file.
    List {
        /// Files or folders of keys.
        #[arg(default_value = "keys", value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take the Ed25519 keys of a JWKS into a folder, one `*.public` each.
    Import {
        /// The JWKS.
        #[arg(value_name = "JWKS")]
        set: PathBuf,
        /// The folder.
        #[arg(long, default_value = "keys", value_name = "DIR")]
        keys: PathBuf,
    },
    /// Withdraw trust from a key, for good.
    Revoke {
        /// The key's id (32 hex digits), or a file that holds it.
        #[arg(value_name = "ID|FILE")]
        key: String,
        /// The folder.
        #[arg(long, default_value = "keys", value_name = "DIR")]
        keys: PathBuf,
    },
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self.action {
            Action::List { paths, json } => list(&paths, json),
            Action::Import { set, keys } => import(&set, &keys),
            Action::Revoke { key, keys } => revoke(&key, &keys),
        }
    }
}

fn list(paths: &[PathBuf], json: bool) -> Result<Exit, Failure> {
    let mut listed = Vec::new();
    for path in paths {
        listed.extend(file::list(path)?);
    }
    let revoked = |entry: &Listed| listed.iter().any(|other| other.revoked && other.id == entry.id);
    let state = |entry: &Listed| if revoked(entry) { "revoked" } else { "trusted" };
    if json {
        let rows = listed.iter().map(|entry| {
            serde_json::json!({
                "id": entry.id.to_string(),
                "state": state(entry),
                "file": entry.path.display().to_string(),
                "public_key": entry.key.map(|key| key.to_string()),
            })
        });
        say!("{}", serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(Exit::Ok);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|entry| vec![entry.id.to_string(), state(entry).to_owned(), entry.path.display().to_string()])
        .collect();
    output::print(format_args!("{}", table::render(&["key id", "state", "file"], &rows, &[])));
    Ok(Exit::Ok)
}

fn import(set: &Path, folder: &Path) -> Result<Exit, Failure> {
    let bytes = sealgate::bundle::fs::read_file(set, jwks::MAX_BYTES)?;
    let keys = jwks::parse(&bytes).map_err(|error| Failure::refused(set.display(), error))?;
    let mut named = Vec::new();
    for key in &keys {
        match key.ed25519() {
            Some(public) => named.push((public.id().to_string(), public)),
            None => note!(
                "note: key `{}` is not of Ed25519 and signs no manifest; give the set to --opa-keys for OPA's signatures",
                key.kid.as_deref().unwrap_or("(no kid)")
            ),
        }
    }
    if named.is_empty() {
        return Err(Failure::refused(set.display(), anyhow::anyhow!("the set holds no Ed25519 key")));
    }
    for path in file::import(folder, &named)? {
        say!("{}", path.display());
    }
    Ok(Exit::Ok)
}

fn revoke(key: &str, folder: &Path) -> Result<Exit, Failure> {
    let id = match KeyId::parse(key) {
        Some(id) => id,
        None => match file::list(Path::new(key))?.as_slice() {
            [only] => only.id,
            _ => return Err(Failure::Usage(format!("`{key}` names no single key"))),
        },
    };
    say!("revoked {id} ({})", file::revoke(folder, id)?.display());
    Ok(Exit::Ok)
}
