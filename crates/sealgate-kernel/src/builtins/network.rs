//! Networks in CIDR notation. An IPv4 address within IPv6 (`::ffff:1.2.3.4`) is that IPv4 address.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::failure::{Failure, Given, Operand};
use super::operand::truth;
use crate::{Heap, SetBuilder, Value, View};

builtins! { TABLE:
    "net.cidr_contains" => sg_b_net_cidr_contains = contains as (cidr: STRING, inner: STRING) or "not an IP address or network in CIDR notation";
    "net.cidr_contains_matches" => sg_b_net_cidr_contains_matches = contains_matches as (cidrs: ANY, inner: ANY) or "elements must be CIDR strings or arrays that begin with one";
    "net.cidr_intersects" => sg_b_net_cidr_intersects = intersects as (a: STRING, b: STRING) or "invalid CIDR address";
    "net.cidr_overlap" => sg_b_net_cidr_overlap = contains as (cidr: STRING, inner: STRING) or "not an IP address or network in CIDR notation";
    "net.cidr_is_valid" => sg_b_net_cidr_is_valid = is_valid as (cidr: STRING);
    "net.cidr_merge" => sg_b_net_cidr_merge = merge as (cidrs: ANY) or "elements must be IPv4 addresses or networks in CIDR notation";
    "net.cidr_expand" => sg_b_net_cidr_expand = expand as (cidr: STRING) or "invalid CIDR address";
}

/// The most addresses that an expanded network may have.
const MOST_ADDRESSES: u128 = 1 << 20;

/// A network: its first address among all of IPv6, and the bits that its addresses share.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    mask: u128,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address = parse_address(address)?;
        (!length.is_empty() && length.len() <= 8 && length.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
        let length: u32 = length.parse().ok()?;
        let host_bits = match address {
            IpAddr::V4(_) => 32u32.checked_sub(length)?,
            IpAddr::V6(_) => 128u32.checked_sub(length)?,
        };
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Self { first: bits(address) & mask, mask })
    }

    fn last(self) -> u128 {
        self.first | !self.mask
    }

    fn contains(self, address: u128) -> bool {
        // A network of IPv6 does not contain addresses of IPv4, not even `::/0`.
        is_v4(self.first) == is_v4(address) && address & self.mask == self.first
    }
}

const V4_PREFIX: u128 = 0xffff << 32;

fn is_v4(address: u128) -> bool {
    address & !0xffff_ffff == V4_PREFIX
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => V4_PREFIX | u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Whether a network contains an address or all of another network.
fn contains<'h>(_: Heap<'h>, cidr: Value<'h>, inner: Value<'h>) -> Given<'h> {
    let network = network(1, cidr)?;
    let inner = inner.as_str().ok_or(None)?;
    contains_text(network, inner).map(Value::bool).ok_or(Some(NO_ADDRESS))
}

const NO_NETWORK: Failure = Failure::Failed("invalid CIDR address");
const NO_ADDRESS: Failure = Failure::Failed("not an IP address or network in CIDR notation");

/// The network of an operand. An earlier operand that is no network comes before a later one of a wrong type.
fn network(position: u32, cidr: Value<'_>) -> Result<Network, Option<Failure>> {
    let text = cidr.as_str().ok_or(Some(Failure::Type(position, Operand::STRING)))?;
    Network::parse(text).ok_or(Some(NO_NETWORK))
}

fn contains_text(network: Network, inner: &str) -> Option<bool> {
    if let Some(address) = parse_address(inner) {
        return Some(network.contains(bits(address)));
    }
    let inner = Network::parse(inner)?;
    Some(network.contains(inner.first) && network.contains(inner.last()))
}

/// Whether two networks have an address in common.
fn intersects<'h>(_: Heap<'h>, a: Value<'h>, b: Value<'h>) -> Given<'h> {
    let (a, b) = (network(1, a)?, network(2, b)?);
    Ok(Value::bool(a.contains(b.first) || b.contains(a.first)))
}

fn is_valid<'h>(_: Heap<'h>, cidr: Value<'h>) -> Option<Value<'h>> {
    truth(cidr.as_str().is_some_and(|cidr| Network::parse(cidr).is_some()))
}

/// The pairs of keys in two collections under which the first network contains what is in the second. A string is a
/// collection of itself; of an array within a collection the first element counts.
fn contains_matches<'h>(heap: Heap<'h>, cidrs: Value<'h>, inner: Value<'h>) -> Given<'h> {
    let mut pairs = SetBuilder::new(heap, 0);
    let inner = candidates(heap, inner);
    for (cidr, index) in candidates(heap, cidrs) {
        let cidr = cidr.ok_or(None)?;
        // Without anything to compare with, not even a bad network is an error.
        for (candidate, inner_index) in &inner {
            let candidate = candidate.ok_or(None)?;
            let network = network(1, cidr)?;
            let text = candidate.as_str().ok_or(Some(Failure::Type(2, Operand::STRING)))?;
            if contains_text(network, text).ok_or(Some(NO_ADDRESS))? {
                pairs.add(Value::array_copy(heap, &[index, *inner_index]));
            }
        }
    }
    Ok(pairs.finish())
}

/// What is in a collection, under which key; `None` for an element that is neither a string nor an array with one.
type Candidate<'h> = (Option<Value<'h>>, Value<'h>);

fn candidates<'h>(heap: Heap<'h>, collection: Value<'h>) -> Vec<Candidate<'h>> {
    let text = |value: Value<'h>| match value.view() {
        View::String(_) => Some(value),
        View::Array([first, ..]) => Some(*first),
        _ => None,
    };
    match collection.view() {
        View::String(_) => alloc::vec![(Some(collection), collection)],
        View::Array(elements) => {
            let keys = (0i64..).map(|index| Value::int(heap, index));
            elements.iter().zip(keys).map(|(element, key)| (text(*element), key)).collect()
        }
        View::Set(elements) => elements.iter().map(|element| (text(*element), *element)).collect(),
        View::Object(pairs) => pairs.iter().map(|pair| (text(pair.value), pair.key)).collect(),
        _ => Vec::new(),
    }
}

/// All addresses of a network.
fn expand<'h>(heap: Heap<'h>, cidr: Value<'h>) -> Option<Value<'h>> {
    let network = Network::parse(cidr.as_str()?)?;
    let count = (network.last() - network.first).saturating_add(1);
    if count > MOST_ADDRESSES {
        crate::abort(c"net.cidr_expand: too many addresses");
    }
    let mut addresses = SetBuilder::new(heap, count as usize);
    for address in network.first..=network.last() {
        let text = if is_v4(address) {
            Ipv4Addr::from_bits(address as u32).to_string()
        } else {
            Ipv6Addr::from_bits(address).to_string()
        };
        addresses.add(Value::string_copy(heap, &text));
    }
    Some(addresses.finish())
}

/// The addresses of an array or set of networks in the fewest networks. An IPv4 address stands for the network of its class;
/// a network that is merged with no other stays as it was written.
fn merge<'h>(heap: Heap<'h>, cidrs: Value<'h>) -> Option<Value<'h>> {
    let mut blocks = Vec::new();
    for element in cidrs.as_elements()? {
        blocks.push(Block::parse(element.as_str()?)?);
    }
    blocks.sort_by_key(|block| (block.last, block.first));
    // From the last to the first: each takes in those before it that touch it.
    let mut merged: Vec<Block> = Vec::new();
    for block in blocks.into_iter().rev() {
        match merged.last_mut() {
            Some(later) if previous(later.first) <= block.last => {
                *later = Block { first: later.first.min(block.first), last: later.last, text: None };
            }
            _ => merged.push(block),
        }
    }
    let mut networks = SetBuilder::new(heap, merged.len());
    for block in merged {
        match block.text {
            Some(text) => networks.add(Value::string_copy(heap, &text)),
            None => block.networks(|text| networks.add(Value::string_copy(heap, &text))),
        }
    }
    Some(networks.finish())
}

/// The address before one; the first of each family has none.
fn previous(address: u128) -> u128 {
    if address == V4_PREFIX { address } else { address.saturating_sub(1) }
}

/// Addresses in a row, and their network's text where it is one that was given.
struct Block {
    first: u128,
    last: u128,
    text: Option<String>,
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let Some(address) = parse_address(text) else {
            let network = Network::parse(text)?;
            let text = network_text(network.first, network.mask.count_zeros());
            return Some(Self { first: network.first, last: network.last(), text: Some(text) });
        };
        let address = bits(address);
        is_v4(address).then_some(())?;
        let host_bits = match address as u32 >> 24 {
            0..128 => 24,
            128..192 => 16,
            _ => 8,
        };
        let hosts = (1u128 << host_bits) - 1;
        Some(Self { first: address & !hosts, last: address | hosts, text: Some(network_text(address, host_bits)) })
    }

    /// The fewest networks that have these addresses.
    fn networks(&self, mut visit: impl FnMut(String)) {
        let mut first = self.first;
        loop {
            // As large as the first address allows, and as what is left.
            let aligned = first.trailing_zeros().min(if is_v4(first) { 32 } else { 128 });
            let fitting = (self.last - first).checked_add(1).map_or(128, u128::ilog2);
            let host_bits = aligned.min(fitting);
            visit(network_text(first, host_bits));
            let size = 1u128.checked_shl(host_bits).unwrap_or(0);
            match first.checked_add(size).filter(|next| size > 0 && *next <= self.last) {
                Some(next) => first = next,
                None => return,
            }
        }
    }
}

fn network_text(address: u128, host_bits: u32) -> String {
    if is_v4(address) && host_bits <= 32 {
        format!("{}/{}", Ipv4Addr::from_bits(address as u32), 32 - host_bits)
    } else {
        format!("{}/{}", Ipv6Addr::from_bits(address), 128 - host_bits.min(128))
    }
}
