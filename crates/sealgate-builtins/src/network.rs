//! The network that a host grants: which hosts a policy may reach, and what answers are kept between decisions.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use thiserror::Error;

/// An allow-list of hosts. It is asked for every request and for every redirect; the addresses that a name resolves to
/// are looked at, too.
///
/// ```
/// use sealgate_builtins::{Grants, Network};
/// let network = Network::to(["api.example.com", "registry.example.com:8443", "10.1.2.3"]).unwrap();
/// let grants = Grants::default().with_network(network);
/// ```
#[derive(Debug, Default)]
pub struct Network {
    hosts: Vec<AllowedHost>,
    private_addresses: bool,
    local_credentials: bool,
    #[cfg(feature = "http")]
    pub(crate) cache: crate::http::Cache,
}

/// A host, on any port if none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("`{0}` is no host: a name or an address is expected, and a port after a colon if only that may be reached")]
pub struct HostError(pub String);

/// Why an address is not to be had.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum ResolveError {
    #[error("disallowed host: {0}")]
    Disallowed(String),
    #[cfg(feature = "http")]
    #[error("disallowed host: {0} resolves to a private address")]
    Private(String),
    #[error("lookup {0}: no such host")]
    NotFound(String),
    #[error("lookup {0}: i/o timeout")]
    Timeout(String),
}

impl Network {
    /// Only these hosts: names, IPv4 addresses, or IPv6 addresses in brackets; `host:port` for one port only.
    ///
    /// # Errors
    /// [`HostError`] names the first text that is no host.
    pub fn to<I>(hosts: I) -> Result<Self, HostError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let hosts = hosts.into_iter().map(|host| AllowedHost::parse(host.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { hosts, ..Self::default() })
    }

    /// Lets names resolve to addresses that are not public: loopback, private and link-local ones among others. Without
    /// this they are reached only where the list names the address itself, so that nobody's name server can point a listed
    /// name at the inside of the host's network.
    #[must_use]
    pub fn allow_private_addresses(mut self) -> Self {
        self.private_addresses = true;
        self
    }

    /// Lets requests take certificates and keys from files and environment variables of the host.
    #[must_use]
    pub fn allow_local_credentials(mut self) -> Self {
        self.local_credentials = true;
        self
    }

    /// Whether files and environment variables may be read.
    #[cfg(feature = "http")]
    pub(crate) fn has_local_credentials(&self) -> bool {
        self.local_credentials
    }

    /// Whether the list has the host, on this port if one is given.
    pub(crate) fn allows(&self, host: &str, port: Option<u16>) -> bool {
        let host = bare(host);
        self.hosts
            .iter()
            .any(|allowed| allowed.host == host && (port.is_none() || allowed.port.is_none() || allowed.port == port))
    }

    /// The addresses of a listed host that may be reached.
    #[cfg(feature = "http")]
    pub(crate) fn resolve(&self, host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, ResolveError> {
        if !self.allows(host, Some(port)) {
            return Err(ResolveError::Disallowed(host.to_owned()));
        }
        if let Ok(address) = bare(host).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut addresses = lookup(host, port, timeout)?;
        addresses.retain(|address| self.private_addresses || is_public(address.ip()));
        if addresses.is_empty() { Err(ResolveError::Private(host.to_owned())) } else { Ok(addresses) }
    }
}

impl AllowedHost {
    fn parse(text: &str) -> Result<Self, HostError> {
        let bad = || HostError(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) => {
                (host, Some(port.parse::<u16>().map_err(|_| bad())?))
            }
            _ => (text, None),
        };
        let name = bare(host);
        let valid = name.parse::<IpAddr>().is_ok()
            || (!name.is_empty()
                && name.split('.').all(|label| {
                    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                }));
        if valid { Ok(Self { host: name, port }) } else { Err(bad()) }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// In lower case, without brackets and without the final stop; addresses in their usual form.
fn bare(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.parse::<IpAddr>().map_or(host, |address| address.to_string())
}

/// Asks the system, on a thread of its own so that the wait is bounded.
///
/// # Errors
/// If there is no answer in time, or none at all.
pub(crate) fn lookup(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, ResolveError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = host.to_owned();
    let spawned = thread::Builder::new().name("lookup".to_owned()).spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody listens any more after the timeout.
        drop(sender.send(found));
    });
    if spawned.is_err() {
        return Err(ResolveError::NotFound(host.to_owned()));
    }
    match receiver.recv_timeout(timeout) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(_) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(ResolveError::NotFound(host.to_owned())),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(ResolveError::Timeout(host.to_owned())),
    }
}

/// Whether an address belongs to the public internet.
#[cfg(any(feature = "http", test))]
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let special = matches!(
                (a, b, c),
                (0 | 10 | 127 | 224.., _, _)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 168, _)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !special
        }
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            // Global unicast, less documentation, Teredo and the like, and 6to4, which can reach any IPv4 address.
            a & 0xe000 == 0x2000 && !(a == 0x2001 && (b < 0x200 || b == 0xdb8)) && a != 0x2002
        }
    }
}

/// The granted network, shared by every decision. Equal to itself only.
#[derive(Debug, Clone)]
pub(crate) struct SharedNetwork(Arc<Network>);

impl SharedNetwork {
    pub(crate) fn new(network: Network) -> Self {
        Self(Arc::new(network))
    }

    pub(crate) fn get(&self) -> &Arc<Network> {
        &self.0
    }
}

impl PartialEq for SharedNetwork {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedNetwork {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_allowed() {
        let network = Network::to(["API.example.com", "b.example.com:8443", "127.0.0.1", "[::1]:80"]).unwrap();
        for (host, port, allowed) in [
            ("api.example.com", Some(443), true),
            ("api.example.com.", None, true),
            ("x.api.example.com", Some(443), false),
            ("b.example.com", Some(443), false),
            ("b.example.com", Some(8443), true),
            ("127.0.0.1", Some(1), true),
            ("[::1]", Some(80), true),
            ("::1", Some(81), false),
            ("127.0.0.2", None, false),
            ("", None, false),
        ] {
            assert_eq!(network.allows(host, port), allowed, "{host} {port:?}");
        }
        for text in ["", ":80", "a b", "http://x", "x:y", "*", "*.example.com", "a..b", "x:70000"] {
            assert!(Network::to([text]).is_err(), "{text}");
        }
        assert!(!Network::default().allows("example.com", None));
    }

    #[test]
    fn private_addresses_are_told_apart() {
        for address in ["8.8.8.8", "1.1.1.1", "2606:4700::1111"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_name_that_points_inside_is_refused() {
        let wait = Duration::from_secs(5);
        let network = Network::to(["localhost"]).unwrap();
        assert_eq!(network.resolve("localhost", 80, wait), Err(ResolveError::Private("localhost".to_owned())));
        assert!(network.allow_private_addresses().resolve("localhost", 80, wait).is_ok());
    }
}
