//! TLS: which authorities a server's certificate may come from, what a client shows, which name is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::network::Network;
use crate::operand::member;
use crate::pki::{MAX_TEXT, pem};
use crate::value::Value;

use super::request::switch;

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Text(String),
    File(String),
    Variable(String),
}

/// The TLS parameters of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct TlsOptions {
    system_roots: bool,
    skip_verification: bool,
    authorities: Vec<Source>,
    /// Certificate chain and key; the first pair counts.
    identity: Option<(Source, Source)>,
    /// The name to ask for instead of the URL's.
    pub(super) server_name: Option<String>,
}

impl TlsOptions {
    /// # Errors
    /// OPA's text.
    pub(super) fn parse(parameters: &BTreeMap<Value, Value>) -> Result<Self, String> {
        let text = |name: &str| match member(parameters, name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim_matches('"').to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("{name:?} must be a string")),
        };
        let sources = |prefix: &str| -> Result<[Option<Source>; 3], String> {
            Ok([
                text(prefix)?.map(Source::Text),
                text(&format!("{prefix}_file"))?.map(Source::File),
                text(&format!("{prefix}_env_variable"))?.map(Source::Variable),
            ])
        };
        let certificates = sources("tls_client_cert")?.into_iter();
        let pairs = certificates.zip(sources("tls_client_key")?);
        let identity = pairs.filter_map(|(certificate, key)| certificate.zip(key)).next();
        let authorities = sources("tls_ca_cert")?.into_iter().flatten().collect();
        Ok(Self {
            system_roots: switch(parameters, "tls_use_system_certs")?,
            skip_verification: switch(parameters, "tls_insecure_skip_verify")?,
            authorities,
            identity,
            server_name: text("tls_server_name")?,
        })
    }

    /// The configuration of a client.
    ///
    /// # Errors
    /// If a source may not be read, or holds no certificate or key.
    pub(super) fn client_config(&self, network: &Network) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if self.skip_verification {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(DangerousNoVerification(provider)))
        } else {
            builder.with_root_certificates(self.roots(network)?)
        };
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let chain = certificates_of(&certificates.read(network)?);
                let key = key_of(&key.read(network)?).ok_or("tls: failed to find any PEM data in key input")?;
                builder.with_client_auth_cert(chain, key).map_err(|error| format!("tls: {error}"))?
            }
        };
        Ok(Arc::new(config))
    }

    fn roots(&self, network: &Network) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if self.system_roots || self.authorities.is_empty() {
            // What cannot be read is left out; without any, no server is trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for source in &self.authorities {
            let text = source.read(network)?.replace("\\n", "\n");
            let (added, _) = roots.add_parsable_certificates(certificates_of(&text));
            if added == 0 {
                return Err("could not append certificates".to_owned());
            }
        }
        Ok(roots)
    }
}

impl Source {
    fn read(&self, network: &Network) -> Result<String, String> {
        if !matches!(self, Self::Text(_)) && !network.has_local_credentials() {
            return Err("files and environment variables of the host are not granted".to_owned());
        }
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| format!("open {path}: {error}"))?,
            Self::Variable(name) => std::env::var(name).unwrap_or_default(),
        };
        if text.len() > MAX_TEXT {
            return Err(format!("certificates or keys are longer than {MAX_TEXT} bytes"));
        }
        Ok(text)
    }
}

fn certificates_of(text: &str) -> Vec<CertificateDer<'static>> {
    let mut certificates = Vec::new();
    let mut rest = text.as_bytes();
    while let (Some(block), after) = pem::decode(rest) {
        if block.label == b"CERTIFICATE" {
            certificates.push(CertificateDer::from(block.bytes));
        }
        rest = after;
    }
    certificates
}

fn key_of(text: &str) -> Option<PrivateKeyDer<'static>> {
    let mut rest = text.as_bytes();
    while let (Some(block), after) = pem::decode(rest) {
        if block.label.ends_with(b"PRIVATE KEY") {
            return PrivateKeyDer::try_from(block.bytes).ok();
        }
        rest = after;
    }
    None
}

/// The name that a server is asked for.
pub(super) fn server_name(name: &str) -> Option<ServerName<'static>> {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(name.to_owned()).ok()
}

/// Takes any certificate, for policies that say so. Signatures are still checked.
#[derive(Debug)]
struct DangerousNoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for DangerousNoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
