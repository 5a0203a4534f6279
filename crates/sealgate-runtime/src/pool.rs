//! Instances that wait to be asked: taken and given back without a lock.
//!
//! One slot per expected thread. A thread looks first at the slot that it used last, so threads do not meet at one cache
//! line as long as there are slots enough; who finds every slot empty makes an instance of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use crossbeam_utils::atomic::AtomicCell;

/// A fixed number of slots for boxed values.
pub(crate) struct Pool<T> {
    slots: Box<[CachePadded<Slot<T>>]>,
}

/// One word: a value, or nothing.
type Slot<T> = AtomicCell<Option<Box<T>>>;

impl<T> Pool<T> {
    const LOCK_FREE: () = assert!(Slot::<u8>::is_lock_free());

    /// A pool of `size` empty slots, at least one.
    pub(crate) fn new(size: usize) -> Self {
        let () = Self::LOCK_FREE;
        Self { slots: (0..size.max(1)).map(|_| CachePadded::new(AtomicCell::new(None))).collect() }
    }

    /// Takes a value, the calling thread's last one if it is there.
    pub(crate) fn take(&self) -> Option<Box<T>> {
        self.take_near(self.home())
    }

    /// Takes a value from the slot `home`, or else from another.
    #[inline]
    pub(crate) fn take_near(&self, home: usize) -> Option<Box<T>> {
        if let Some(value) = self.slots.get(home).and_then(|slot| slot.take()) {
            return Some(value);
        }
        self.rest(home).find_map(|slot| slot.take())
    }

    /// Gives a value back, or hands it over if every slot is full.
    pub(crate) fn put(&self, value: Box<T>) -> Option<Box<T>> {
        self.put_near(self.home(), value)
    }

    /// Gives a value back to the slot `home`, and the one that was there to another.
    #[inline]
    pub(crate) fn put_near(&self, home: usize, value: Box<T>) -> Option<Box<T>> {
        let mut value = match self.slots.get(home) {
            Some(slot) => slot.swap(Some(value))?,
            None => value,
        };
        // Another thread's value was there: find that one a place.
        for slot in self.rest(home) {
            value = slot.swap(Some(value))?;
        }
        Some(value)
    }

    /// How many slots there are.
    pub(crate) fn size(&self) -> usize {
        self.slots.len()
    }

    /// The slot that the calling thread prefers.
    #[inline]
    pub(crate) fn home(&self) -> usize {
        let (number, count) = (thread_number(), self.slots.len());
        // A division costs as much as all the rest, and most numbers are small.
        if number < count { number } else { number.checked_rem(count).unwrap_or(0) }
    }

    fn rest(&self, home: usize) -> impl Iterator<Item = &Slot<T>> {
        let count = self.slots.len();
        (1..count).filter_map(move |step| self.slots.get((home + step) % count)).map(|slot| &**slot)
    }
}

/// The calling thread's number, by which it prefers slots.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HOME: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // While a thread's locals are torn down any slot will do.
    HOME.try_with(|home| *home).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_is_put_can_be_taken_once() {
        let pool = Pool::new(2);
        assert!(pool.take().is_none());
        assert!(pool.put(Box::new(1)).is_none());
        assert!(pool.put(Box::new(2)).is_none());
        assert!(pool.put(Box::new(3)).is_some());
        let mut taken = [*pool.take().unwrap(), *pool.take().unwrap()];
        taken.sort_unstable();
        assert!(pool.take().is_none());
        assert!(taken[0] < taken[1]);
    }

    #[test]
    fn threads_never_share_a_value_or_lose_one() {
        let pool = Pool::new(3);
        for value in 0..3_u64 {
            assert!(pool.put(Box::new((value, 0_u64))).is_none());
        }
        let overflow = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if let Some(mut value) = pool.take() {
                            value.1 += 1;
                            if let Some(left) = pool.put(value) {
                                overflow.fetch_add(left.1, Ordering::Relaxed);
                            }
                        } else {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        let mut left = Vec::new();
        while let Some(value) = pool.take() {
            left.push(value.0);
        }
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2]);
        assert_eq!(overflow.load(Ordering::Relaxed), 0);
    }
}
