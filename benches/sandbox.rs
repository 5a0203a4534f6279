//! The least that a call into a sandbox costs.

/// A function that gives back its argument, in a sandbox with deadlines as a policy's.
pub fn empty_function() -> (wasmtime::Store<()>, wasmtime::TypedFunc<i32, i32>) {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let text = r#"(module (func (export "same") (param i32) (result i32) (local.get 0)))"#;
    let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    store.set_epoch_deadline(1_000_000);
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let same = instance.get_typed_func(&mut store, "same").unwrap();
    (store, same)
}
