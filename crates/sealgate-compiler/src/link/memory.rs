//! Where everything static lies in linear memory.

use super::reach::Reached;
use super::{Generated, LinkError, Object, STATIC_BASE};

/// Static data may take this much: far beyond any policy, far below where addresses wrap.
const MOST: u64 = 1 << 30;

/// Addresses of static data.
#[derive(Debug)]
pub(super) struct Memory {
    /// Address of each segment of the object; 0 for those that are not kept.
    pub(super) segments: Vec<u32>,
    /// Where the bytes begin that the module must write.
    pub(super) data_base: u32,
    /// One past the last of them.
    pub(super) data_end: u32,
    /// Where the heap begins, aligned to 16.
    pub(super) heap_base: u32,
}

impl Memory {
    pub(super) fn lay_out(object: &Object<'_>, generated: &Generated, reached: &Reached) -> Result<Self, LinkError> {
        let mut segments = vec![0; object.segments.len()];
        let data_base = u64::from(STATIC_BASE) + u64::from(generated.zeroed);
        let mut end = data_base + generated.data.len() as u64;
        let mut data_end = end;
        for zero in [false, true] {
            for place in &reached.segments {
                let Some(segment) = object.segments.get(*place as usize) else { continue };
                if segment.zero != zero {
                    continue;
                }
                let start = end.next_multiple_of(u64::from(segment.align));
                end = start + segment.data.len() as u64;
                if !zero {
                    data_end = end;
                }
                if end > MOST {
                    return Err(LinkError::TooLarge(end));
                }
                if let (Some(slot), Ok(start)) = (segments.get_mut(*place as usize), u32::try_from(start)) {
                    *slot = start;
                }
            }
        }
        let heap_base = end.next_multiple_of(16);
        let fit = |address: u64| u32::try_from(address).ok().filter(|_| address <= MOST);
        match (fit(data_base), fit(data_end), fit(heap_base)) {
            (Some(data_base), Some(data_end), Some(heap_base)) => Ok(Self { segments, data_base, data_end, heap_base }),
            _ => Err(LinkError::TooLarge(end)),
        }
    }
}
