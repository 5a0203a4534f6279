//! `rand.intn`, `uuid.rfc4122`: one value per decision for each key, as in OPA.

use crate::context::Context;
use crate::host::Host;
use crate::operand::{any, failed, integer, string};
use crate::registry::{BuiltinError, Capability, Registry};
use crate::value::Value;

pub(crate) fn register(registry: &mut Registry) {
    registry.insert("rand.intn", 2, Capability::Random, intn);
    registry.insert("uuid.rfc4122", 1, Capability::Random, uuid);
}

/// A number from 0 to n - 1, the same for a key and a magnitude of n.
fn intn(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let (key, n) = (string(args, 1)?, integer(args, 2)?.unsigned_abs());
    if n == 0 {
        return Ok(Some(0.into()));
    }
    if i64::try_from(n).is_err() {
        return Err(failed("number out of range"));
    }
    let host = context.host().clone();
    context.once(&format!("rand.intn {n} {key}"), || below(&host, n)).map(Some)
}

fn below(host: &Host, n: u64) -> Result<Value, BuiltinError> {
    // Numbers beyond the last multiple of n would make small results more likely; one draw in two is good at worst.
    let limit = u64::MAX - u64::MAX % n;
    for _ in 0..256 {
        let mut bytes = [0; 8];
        host.fill_random(&mut bytes)?;
        let drawn = u64::from_le_bytes(bytes);
        if drawn < limit {
            return i64::try_from(drawn % n).map(Value::from).map_err(|_| failed("number out of range"));
        }
    }
    Err(failed("the host's randomness is not random"))
}

/// A random UUID (version 4), the same for a key.
fn uuid(context: &mut Context, args: &[Value]) -> Result<Option<Value>, BuiltinError> {
    let key = any(args, 1)?.to_text();
    let host = context.host().clone();
    let make = || {
        let mut bytes = [0; 16];
        host.fill_random(&mut bytes)?;
        let random = u128::from_be_bytes(bytes);
        let version = random & !(0xf << 76) | 0x4 << 76;
        let uuid = version & !(0x3 << 62) | 0x2 << 62;
        let hex = format!("{uuid:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let text = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        Ok(text.into())
    };
    context.once(&format!("uuid.rfc4122 {key}"), make).map(Some)
}
