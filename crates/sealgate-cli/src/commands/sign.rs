//! `sealgate sign`: another signature for a bundle that verifies: with the next key while keys rotate, with a new serial or
//! validity, or the first one for a bundle that was built unsigned.

use std::path::PathBuf;

use sealgate::bundle::contents::with_opa_signatures;
use sealgate::bundle::{Resigning, UnixSeconds, archive, fs};

use crate::output::say;
use crate::signing::{Expected, OpaSigning, Signer, SignerCheck};
use crate::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The bundle: an archive, or a folder.
    bundle: PathBuf,
    /// Where the signed bundle goes, in the same form; it may take the place of the old one.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    #[command(flatten)]
    expected: Expected,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    check: SignerCheck,
    #[command(flatten)]
    opa: OpaSigning,
    /// Another serial.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// Another first second at which the bundle is valid, in Unix time.
    #[arg(long, value_name = "SECONDS")]
    not_before: Option<u64>,
    /// Another first second at which the bundle is no longer valid, in Unix time.
    #[arg(long, value_name = "SECONDS")]
    expires: Option<u64>,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.bundle.is_dir() && self.opa.is_asked() {
            return Err(Failure::Usage(
                "OPA reads no folder of this kind; give `--opa-signature-key` with an archive".to_owned(),
            ));
        }
        let bundle = self.expected.load(&self.bundle)?;
        let signer = self.signer.signer(&self.check)?;
        let changes = Resigning {
            serial: self.serial,
            not_before: self.not_before.map(UnixSeconds),
            expires: self.expires.map(UnixSeconds),
        };
        let Some(files) = bundle.resign(&*signer, &changes) else {
            return Err(Failure::Usage(
                "a bundle without a signed manifest cannot be signed again; build it".to_owned(),
            ));
        };
        let files = files?;
        if self.bundle.is_dir() {
            fs::write_folder(&self.out, &files)?;
        } else {
            let files = match self.opa.signer()? {
                Some(opa) => with_opa_signatures(files, &opa)?,
                None => files,
            };
            fs::write_file(&self.out, &archive::write_tar_gz(&files)?)?;
        }
        say!("signed   {}", bundle.name());
        say!("serial   {}", self.serial.unwrap_or(bundle.serial()));
        say!("key id   {}", signer.public_key().id());
        say!("written  {}", self.out.display());
        Ok(Exit::Ok)
    }
}
