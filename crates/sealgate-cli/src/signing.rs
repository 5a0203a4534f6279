//! Which key signs, and which keys are trusted, as the command line says it: options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use sealgate::bundle::fs::{LoadError, SerialRecord};
use sealgate::bundle::keys::ManifestSigner;
use sealgate::bundle::keys::command::CommandSigner;
use sealgate::bundle::keys::file::{
    read_opa_signer, read_opa_trust, read_public_key, read_signing_key, read_signing_key_from_env, read_trust_store,
};
use sealgate::bundle::opa::{Algorithm, OpaExpectations, OpaSigner, OpaTrust};
use sealgate::bundle::{TrustStore, UnixSeconds, VerifiedBundle, VerifyOptions, fs};

use crate::Failure;
use crate::output::note;

/// Where the signature comes from.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "signer", required = true, multiple = false)]
pub struct Signer {
    /// The private key that signs, in a file that only its owner can read (see `sealgate keygen`).
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    /// The environment variable that holds the private key that signs.
    #[arg(long, value_name = "NAME")]
    sign_key_env: Option<String>,
    /// A command that signs: gets the bytes on its standard input, gives the 64 bytes of the signature.
    #[arg(long, value_name = "COMMAND", requires = "sign_public_key")]
    sign_command: Option<String>,
}

/// What a signing command is held to.
#[derive(Clone, Debug, clap::Args)]
pub struct SignerCheck {
    /// The public key that the signing command signs for; its answer is checked against it.
    #[arg(long, value_name = "FILE", requires = "sign_command")]
    sign_public_key: Option<PathBuf>,
    /// How long the signing command may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "sign_command")]
    sign_timeout: u64,
}

impl Signer {
    /// The signer.
    pub fn signer(&self, check: &SignerCheck) -> Result<Box<dyn ManifestSigner>, Failure> {
        if let Some(path) = &self.sign_key {
            return Ok(Box::new(read_signing_key(path)?));
        }
        if let Some(variable) = &self.sign_key_env {
            return Ok(Box::new(read_signing_key_from_env(variable)?));
        }
        match (&self.sign_command, &check.sign_public_key) {
            (Some(command), Some(public)) => {
                let signer = CommandSigner::parse(command, read_public_key(public)?)?;
                Ok(Box::new(signer.with_timeout(Duration::from_secs(check.sign_timeout))))
            }
            _ => Err(Failure::Usage("say what signs: --sign-key, --sign-key-env or --sign-command".to_owned())),
        }
    }
}

/// A second signature, for OPA.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OpaSigning {
    /// Write OPA's `.signatures.json` too, signed with this private key (PEM: P-256, P-384, RSA or Ed25519).
    #[arg(long, value_name = "FILE", requires = "opa_signature_key_id")]
    opa_signature_key: Option<PathBuf>,
    /// The id that OPA's configuration has for that key.
    #[arg(long, value_name = "ID", requires = "opa_signature_key")]
    opa_signature_key_id: Option<String>,
    /// The scope that OPA's configuration has for that key.
    #[arg(long, value_name = "SCOPE", requires = "opa_signature_key")]
    opa_signature_scope: Option<String>,
    /// The algorithm, where the key allows several: RS256 (as without this option), RS384, RS512, PS256, PS384 or PS512.
    #[arg(long, value_name = "ALGORITHM", requires = "opa_signature_key")]
    opa_signature_algorithm: Option<String>,
}

impl OpaSigning {
    /// Whether a signature for OPA was asked for.
    pub fn is_asked(&self) -> bool {
        self.opa_signature_key.is_some()
    }

    /// The signer, where one was asked for.
    pub fn signer(&self) -> Result<Option<OpaSigner>, Failure> {
        let (Some(path), Some(id)) = (&self.opa_signature_key, &self.opa_signature_key_id) else { return Ok(None) };
        let mut signer = read_opa_signer(path, id)?;
        if let Some(name) = &self.opa_signature_algorithm {
            let unknown = || Failure::Usage(format!("no algorithm `{name}` signs here"));
            signer = signer.with_algorithm(Algorithm::parse(name).ok_or_else(unknown)?)?;
        }
        Ok(Some(match &self.opa_signature_scope {
            Some(scope) => signer.with_scope(scope),
            None => signer,
        }))
    }
}

/// Whom a bundle must be from, and which one it must be.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Expected {
    /// A trusted public key (`*.public`), a set of them (`*.jwks`, `*.json`), or a folder of both and of `*.revoked`; may be
    /// repeated.
    #[arg(long, value_name = "PATH")]
    pub key: Vec<PathBuf>,
    /// Refuse a bundle of another name. With `--opa-signed`: what the bundle is called here.
    #[arg(long)]
    pub name: Option<String>,
    /// Refuse a bundle with a lower serial.
    #[arg(long, value_name = "N")]
    pub minimum_serial: Option<u64>,
    /// A file that keeps the highest serial that was accepted of each bundle; a lower one is refused.
    #[arg(long, value_name = "FILE")]
    pub serial_file: Option<PathBuf>,
    /// Keys for OPA's `.signatures.json`: the `keys` object of an OPA configuration, or a JWKS.
    #[arg(long, value_name = "FILE")]
    pub opa_keys: Option<PathBuf>,
    /// The bundle is OPA's own: `.signatures.json` alone makes it trusted.
    #[arg(long, requires_all = ["opa_keys", "name"], conflicts_with = "key")]
    pub opa_signed: bool,
    /// The scope that `.signatures.json` must state; without it that of its key.
    #[arg(long, value_name = "SCOPE", requires = "opa_signed")]
    pub opa_scope: Option<String>,
    /// Take a bundle that nobody signed. Whoever can write to it decides.
    #[arg(long, conflicts_with_all = ["key", "opa_signed"])]
    pub dangerous_unsigned: bool,
}

impl Expected {
    /// Reads the bundle at `path` and makes every check that was asked for.
    pub fn load(&self, path: &std::path::Path) -> Result<VerifiedBundle, Failure> {
        let refused = |error: LoadError| match error {
            LoadError::Refused { .. } => Failure::refused("bundle refused", anyhow::Error::msg(error.to_string())),
            other => Failure::Other(other.into()),
        };
        let opa = self.opa_keys.as_deref().map(read_opa_trust).transpose()?.unwrap_or_default();
        if self.opa_signed {
            return self.load_opa(path, opa);
        }
        let trust = if self.dangerous_unsigned { TrustStore::new() } else { self.trust()? };
        let mut options = VerifyOptions::new(trust, UnixSeconds::system_now());
        options.expected_name.clone_from(&self.name);
        options.minimum_serial = self.minimum_serial;
        options.opa = opa;
        let mut record = self.serial_file.as_deref().map(SerialRecord::open).transpose()?;
        let bundle = if self.dangerous_unsigned {
            let unverified = fs::read_bundle(path, &options.limits).map_err(refused)?;
            let bundle = unverified.dangerous_without_signature(&options);
            let bundle = bundle.map_err(|error| Failure::refused("bundle refused", error))?;
            note!("warning: nobody's signature was checked: who can write `{}` decides", path.display());
            bundle
        } else {
            fs::load(path, &options).map_err(refused)?
        };
        if let Some(record) = &mut record {
            record.accept(&bundle).map_err(|error| Failure::refused("bundle refused", error))?;
        }
        Ok(bundle)
    }

    fn trust(&self) -> Result<TrustStore, Failure> {
        if self.key.is_empty() {
            return Err(Failure::Usage("say whom to trust: --key PATH, or --opa-signed with --opa-keys".to_owned()));
        }
        Ok(read_trust_store(&self.key)?)
    }

    fn load_opa(&self, path: &std::path::Path, trust: OpaTrust) -> Result<VerifiedBundle, Failure> {
        let Some(name) = &self.name else { return Err(Failure::Usage("--opa-signed needs --name".to_owned())) };
        if self.serial_file.is_some() || self.minimum_serial.is_some() {
            return Err(Failure::Usage("a bundle of OPA's has no serial to look at".to_owned()));
        }
        let mut expected = OpaExpectations::new(name, trust);
        expected.scope.clone_from(&self.opa_scope);
        let unverified = fs::read_bundle(path, &expected.limits)?;
        unverified.verify_opa(&expected).map_err(|error| Failure::refused("bundle refused", error))
    }
}
