//! Memory functions of the OPA ABI. Freeing does nothing: memory comes back when the host sets the heap pointer.

use crate::Heap;
use crate::heap::wasm;

#[unsafe(no_mangle)]
extern "C" fn opa_malloc(size: usize) -> *mut u8 {
    Heap::module().alloc(size).as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn opa_free(_address: *mut u8) {}

#[unsafe(no_mangle)]
extern "C" fn opa_heap_ptr_get() -> usize {
    wasm::top()
}

#[unsafe(no_mangle)]
extern "C" fn opa_heap_ptr_set(address: usize) {
    wasm::set_top(address);
}

/// There are no free lists to keep.
#[unsafe(no_mangle)]
extern "C" fn opa_heap_blocks_stash() {}

#[unsafe(no_mangle)]
extern "C" fn opa_heap_blocks_restore() {}

#[unsafe(no_mangle)]
extern "C" fn opa_heap_stash_clear() {}
