//! `net.lookup_ip_addr`: the addresses of a host that the network's allow-list has.

use std::time::Duration;

use crate::context::Context;
use crate::network::{ResolveError, lookup};
use crate::operand::{failed, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

/// How long the system may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("net.lookup_ip_addr", 1, Capability::Network, lookup_ip_addr);
}

fn lookup_ip_addr(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let name = string(args, 1)?;
    if !context.network().is_some_and(|network| network.allows(name, None)) {
        return Err(failed(ResolveError::Disallowed(name.to_owned()).to_string()));
    }
    let timeout = context.deadline().cap(TIMEOUT);
    let find = || match lookup(name, 0, timeout) {
        Ok(addresses) => {
            Ok(Value::Set(addresses.iter().map(|address| Value::from(address.ip().to_string())).collect()))
        }
        Err(error @ ResolveError::Timeout(_)) => Err(BuiltinError::Halt(format!("net.lookup_ip_addr: {error}"))),
        Err(error) => Err(failed(error.to_string())),
    };
    context.once(&format!("net.lookup_ip_addr {name}"), find).map(Some)
}
