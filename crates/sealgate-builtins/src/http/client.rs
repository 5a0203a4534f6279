//! One request and its redirects: to listed hosts and the addresses that may be reached, within a bounded time.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use thiserror::Error;
use ureq::config::{AutoHeaderValue, Config};
use ureq::http;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector, Transport, TransportAdapter,
};

use crate::deadline::Deadline;
use crate::network::Network;
use crate::pki::base64::STANDARD;
use crate::pki::json;
use crate::url::Url;
use crate::value::Value;

use super::request::Request;
use super::response::Response;
use super::tls::server_name;

/// Bytes of body that are received.
const MAX_BODY: u64 = 4 << 20;
const MAX_HEADERS: usize = 64 << 10;
const MAX_REDIRECTS: usize = 10;
/// The wait before the first retry; it doubles, roughly, with each.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// What all retries may take together.
const MAX_RETRY_TIME: Duration = Duration::from_secs(60);

/// Why a request did not come through.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(super) enum SendError {
    /// It was not made.
    #[error("{0}")]
    Refused(String),
    /// It was made in vain.
    #[error("{0}")]
    Network(String),
}

impl SendError {
    pub(super) fn to_value(&self) -> Value {
        let (refused, text) = match self {
            Self::Refused(text) => (true, text),
            Self::Network(text) => (false, text),
        };
        json::object([("refused", refused.into()), ("message", text.as_str().into())])
    }

    pub(super) fn from_value(value: &Value) -> Self {
        let Value::Object(members) = value else { return Self::Refused("malformed record".to_owned()) };
        let text = members.get(&Value::from("message")).and_then(Value::as_str).unwrap_or_default().to_owned();
        match members.get(&Value::from("refused")) {
            Some(Value::Bool(false)) => Self::Network(text),
            _ => Self::Refused(text),
        }
    }
}

/// Sends a request, and again if the network fails and the request says so. `more` are headers that replace others.
/// Whatever times the request names, all ends at the deadline.
pub(super) fn send(
    network: &Arc<Network>,
    request: &Request,
    more: &[(&str, String)],
    deadline: Deadline,
) -> Result<Response, SendError> {
    let tls = request.tls.client_config(network).map_err(SendError::Refused)?;
    let started = Instant::now();
    let mut attempt = 0;
    loop {
        let end = Instant::now() + deadline.cap(request.timeout);
        let outcome = follow(network, request, more, &tls, end);
        let again = attempt < request.retries && started.elapsed() < MAX_RETRY_TIME && deadline.check().is_ok();
        if !again || !matches!(outcome, Err(SendError::Network(_))) {
            return outcome;
        }
        std::thread::sleep(deadline.cap(RETRY_DELAY.saturating_mul(1 << attempt.min(6))));
        attempt += 1;
    }
}

/// Where the next request goes, and how.
struct Hop {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn follow(
    network: &Arc<Network>,
    request: &Request,
    more: &[(&str, String)],
    tls: &Arc<ClientConfig>,
    end: Instant,
) -> Result<Response, SendError> {
    let mut headers = request.headers.clone();
    for (name, value) in more {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push(((*name).to_owned(), value.clone()));
    }
    let mut hop = Hop { method: request.method.clone(), url: request.url.clone(), headers, body: request.body.clone() };
    // A `Host` header is also the name that TLS asks for, unless the policy names another.
    let host_header = hop.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let mut name = request.tls.server_name.clone().or_else(|| host_header.map(|(_, host)| host.clone()));
    for _ in 0..=MAX_REDIRECTS {
        let left = end.saturating_duration_since(Instant::now());
        let response = hop.send(network, tls, name.as_deref(), left)?;
        if !request.follow_redirects || !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        let Some(location) = response.header("location").map(str::to_owned) else { return Ok(response) };
        hop = hop.redirected(&location, response.status)?;
        name.clone_from(&request.tls.server_name);
    }
    Err(SendError::Network(format!("{}: stopped after {MAX_REDIRECTS} redirects", hop.title())))
}

impl Hop {
    /// As Go titles its errors: `Get "https://…"`.
    fn title(&self) -> String {
        let mut method = self.method.to_ascii_lowercase();
        if let Some(first) = method.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        // A password in a URL is nobody's business.
        let mut url = self.url.clone();
        url.user = None;
        format!("{method} {:?}", url.to_string())
    }

    fn send(
        &self,
        network: &Arc<Network>,
        tls: &Arc<ClientConfig>,
        name: Option<&str>,
        timeout: Duration,
    ) -> Result<Response, SendError> {
        let (scheme, host) = (self.url.scheme.as_str(), self.url.hostname());
        if !matches!(scheme, "http" | "https") {
            return Err(SendError::Network(format!("{}: unsupported protocol scheme {scheme:?}", self.title())));
        }
        if !network.allows(host, Some(self.url.port_or_default())) {
            return Err(SendError::Refused(format!("disallowed host: {host}")));
        }
        let in_vain = |text: String| SendError::Network(format!("{}: {text}", self.title()));
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_response_header_size(MAX_HEADERS)
            .max_idle_connections(0)
            .allow_non_standard_methods(true)
            .user_agent(concat!("sealgate/", env!("CARGO_PKG_VERSION")))
            .accept(AutoHeaderValue::None)
            .timeout_global(Some(timeout.max(Duration::from_nanos(1))))
            .build();
        let resolver = AllowedAddresses(Arc::clone(network));
        let connector =
            TcpConnector::default().chain(TlsConnector { config: Arc::clone(tls), name: name.map(str::to_owned) });
        let agent = ureq::Agent::with_parts(config, connector, resolver);
        let explain = |error: ureq::Error| match error {
            ureq::Error::Timeout(_) => in_vain("request timed out".to_owned()),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                SendError::Refused(error.to_string())
            }
            ureq::Error::BodyExceedsLimit(limit) => in_vain(format!("the answer is longer than {limit} bytes")),
            error => in_vain(error.to_string()),
        };
        let request = self.to_http().map_err(in_vain)?;
        let answer = if self.body.is_empty() && !matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            agent.run(request.map(drop))
        } else {
            agent.run(request)
        };
        let mut answer = answer.map_err(explain)?;
        let body = answer.body_mut().with_config().limit(MAX_BODY).read_to_vec().map_err(explain)?;
        let mut headers = std::collections::BTreeMap::<String, Vec<String>>::new();
        for (name, value) in answer.headers() {
            // What concerns the connection only is not part of the answer, as in Go.
            if matches!(name.as_str(), "connection" | "transfer-encoding") {
                continue;
            }
            headers.entry(name.as_str().to_owned()).or_default().push(json::utf8(value.as_bytes()));
        }
        let status = answer.status();
        Ok(Response { status: status.as_u16(), reason: status.canonical_reason().unwrap_or_default(), headers, body })
    }

    fn to_http(&self) -> Result<http::Request<Vec<u8>>, String> {
        let path = self.url.escaped_path();
        let path = if path.is_empty() { "/" } else { &path };
        let query = if self.url.raw_query.is_empty() && !self.url.force_query {
            String::new()
        } else {
            format!("?{}", self.url.raw_query)
        };
        let uri = format!("{}://{}{path}{query}", self.url.scheme, self.url.host);
        let mut builder = http::Request::builder().method(self.method.as_str()).uri(uri);
        for (name, value) in &self.headers {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let authorized = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some((name, password)) = self.url.user.as_ref().filter(|_| !authorized) {
            let pair = [name.as_slice(), b":", password.as_deref().unwrap_or_default()].concat();
            builder = builder.header("authorization", format!("Basic {}", STANDARD.encode(&pair)));
        }
        builder.body(self.body.clone()).map_err(|error| error.to_string())
    }

    /// The request that a redirect asks for. Credentials stay with their host.
    fn redirected(self, location: &str, status: u16) -> Result<Self, SendError> {
        let in_vain = |text: String| SendError::Network(format!("{}: {text}", self.title()));
        let target = Url::parse(location)
            .map_err(|error| in_vain(format!("failed to parse Location header {location:?}: {error}")))?;
        let url = self.url.join(target);
        let same_host = url.hostname().eq_ignore_ascii_case(self.url.hostname());
        let mut headers = self.headers;
        headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            let bound = ["authorization", "cookie", "cookie2", "www-authenticate", "host"].contains(&name.as_str());
            same_host && name != "host" || !bound
        });
        if matches!(status, 307 | 308) {
            return Ok(Self { url, headers, ..self });
        }
        let method = if self.method == "HEAD" { "HEAD" } else { "GET" };
        headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        Ok(Self { method: method.to_owned(), url, headers, body: Vec::new() })
    }
}

/// Resolves names to the addresses that the allow-list lets through.
#[derive(Debug)]
struct AllowedAddresses(Arc<Network>);

impl Resolver for AllowedAddresses {
    fn resolve(&self, uri: &http::Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let addresses = self
            .0
            .resolve(host, port, *timeout.after)
            .map_err(|error| ureq::Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, error.to_string())))?;
        let mut resolved = self.empty();
        for address in addresses.into_iter().take(16) {
            resolved.push(address);
        }
        Ok(resolved)
    }
}

/// Speaks TLS over what is connected, if the scheme wants it.
struct TlsConnector {
    config: Arc<ClientConfig>,
    name: Option<String>,
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Err(ureq::Error::ConnectionFailed) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = self.name.as_deref().or_else(|| details.uri.host()).unwrap_or_default();
        let name = server_name(host).ok_or(ureq::Error::Tls("the server name is no host"))?;
        let failed = |error: rustls::Error| ureq::Error::Io(io::Error::other(error));
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(failed)?;
        let mut socket = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(ureq::Error::Io)?;
        }
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
