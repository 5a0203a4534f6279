//! Sets and objects against the standard library's, in any order of insertion.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sealgate_kernel::{Arena, ObjectBuilder, SetBuilder, Value};

fn ints(values: &[Value<'_>]) -> Vec<i64> {
    values.iter().map(|value| value.as_int().unwrap()).collect()
}

proptest! {
    #[test]
    fn sets_are_btree_sets(items in prop::collection::vec(-500i64..500, 0..2000)) {
        let arena = Arena::new();
        let heap = arena.heap();
        let mut set = SetBuilder::new(heap, 0);
        for item in &items {
            set.add(Value::int(heap, *item));
        }
        let set = set.finish();
        let expected: BTreeSet<i64> = items.into_iter().collect();
        for probe in -501..501 {
            prop_assert_eq!(set.contains(Value::int(heap, probe)), expected.contains(&probe));
        }
        prop_assert_eq!(ints(set.as_set().unwrap()), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn objects_are_btree_maps(items in prop::collection::vec((-500i64..500, 0i64..9, any::<bool>()), 0..2000)) {
        let arena = Arena::new();
        let heap = arena.heap();
        let mut object = ObjectBuilder::new(heap, 3);
        let mut expected = BTreeMap::new();
        for (key, value, once) in items {
            let pair = (Value::int(heap, key), Value::int(heap, value));
            if once {
                let accepted = object.insert_once(pair.0, pair.1);
                prop_assert_eq!(accepted, *expected.entry(key).or_insert(value) == value);
            } else {
                object.insert(pair.0, pair.1);
                expected.insert(key, value);
            }
        }
        let object = object.finish();
        prop_assert_eq!(object.count(), Some(expected.len()));
        for probe in -501..501 {
            let found = object.get(Value::int(heap, probe)).and_then(Value::as_int);
            prop_assert_eq!(found, expected.get(&probe).copied());
        }
        let pairs: Vec<_> = object.as_object().unwrap().iter().map(|p| (p.key.as_int().unwrap(), p.value.as_int().unwrap())).collect();
        prop_assert_eq!(pairs, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_large_set_in_random_order_is_merged_many_times() {
    let arena = Arena::new();
    let heap = arena.heap();
    let mut set = SetBuilder::new(heap, 0);
    let mut state = 1u64;
    let mut expected = BTreeSet::new();
    for _ in 0..100_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let item = (state >> 20).cast_signed();
        expected.insert(item);
        set.add(Value::int(heap, item));
    }
    assert_eq!(ints(set.finish().as_set().unwrap()), expected.into_iter().collect::<Vec<_>>());
}
