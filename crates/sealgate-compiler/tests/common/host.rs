//! A small host: runs a module by the OPA ABI, with memory as small as real hosts give it.

use wasmtime::{Engine, Instance, Linker, Memory, MemoryType, Module, Store};

/// What an evaluation gave.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The result set.
    Results(serde_json::Value),
    /// The message that the module aborted with.
    Abort(String),
}

pub struct Host {
    store: Store<Option<String>>,
    instance: Instance,
    memory: Memory,
}

impl Host {
    /// Instantiates a module with two pages of memory and no builtins of the host.
    pub fn new(engine: &Engine, wasm: &[u8]) -> Self {
        let module = Module::new(engine, wasm).unwrap();
        let mut store = Store::new(engine, None);
        let mut linker = Linker::new(engine);
        let memory = Memory::new(&mut store, MemoryType::new(2, None)).unwrap();
        linker.define(&store, "env", "memory", memory).unwrap();
        linker
            .func_wrap(
                "env",
                "opa_abort",
                |mut caller: wasmtime::Caller<'_, Option<String>>, address: i32| -> wasmtime::Result<()> {
                    let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
                    let text = text_at(memory.data(&caller), address);
                    *caller.data_mut() = Some(text);
                    wasmtime::bail!("abort")
                },
            )
            .unwrap();
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        Self { store, instance, memory }
    }

    pub fn call<P: wasmtime::WasmParams>(&mut self, name: &str, params: P) -> Result<i32, String> {
        let function = self.instance.get_typed_func::<P, i32>(&mut self.store, name).unwrap();
        let result = function.call(&mut self.store, params);
        result.map_err(|error| self.store.data_mut().take().unwrap_or_else(|| format!("{:?}", error)))
    }

    pub fn run<P: wasmtime::WasmParams>(&mut self, name: &str, params: P) {
        let function = self.instance.get_typed_func::<P, ()>(&mut self.store, name).unwrap();
        function.call(&mut self.store, params).unwrap();
    }

    pub fn global(&mut self, name: &str) -> i32 {
        let global = self.instance.get_global(&mut self.store, name).unwrap();
        global.get(&mut self.store).unwrap_i32()
    }

    pub fn write(&mut self, bytes: &[u8]) -> i32 {
        let address = self.call("opa_malloc", i32::try_from(bytes.len()).unwrap()).unwrap();
        self.memory.write(&mut self.store, address as usize, bytes).unwrap();
        address
    }

    pub fn text(&self, address: i32) -> String {
        text_at(self.memory.data(&self.store), address)
    }

    /// The JSON of what a function without parameters gives.
    pub fn json_of(&mut self, name: &str) -> serde_json::Value {
        let value = self.call(name, ()).unwrap();
        let text = self.call("opa_json_dump", value).unwrap();
        serde_json::from_str(&self.text(text)).unwrap()
    }

    pub fn parse(&mut self, text: &str) -> i32 {
        let address = self.write(text.as_bytes());
        self.call("opa_value_parse", (address, i32::try_from(text.len()).unwrap())).unwrap()
    }

    /// Evaluates with `opa_eval`; `input` is a Rego value, `data` is JSON.
    pub fn eval(&mut self, entrypoint: i32, data: &str, input: Option<&str>) -> Outcome {
        let data = self.parse(data);
        let (input, length) = match input {
            None => (0, 0),
            Some(text) => (self.write(text.as_bytes()), i32::try_from(text.len()).unwrap()),
        };
        let heap = self.call("opa_heap_ptr_get", ()).unwrap();
        match self.call("opa_eval", (0, entrypoint, data, input, length, heap, 0)) {
            Ok(address) => Outcome::Results(serde_json::from_str(&self.text(address)).unwrap()),
            Err(message) => Outcome::Abort(message),
        }
    }
}

fn text_at(memory: &[u8], address: i32) -> String {
    let bytes = &memory[address as usize..];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    String::from_utf8(bytes[..end].to_vec()).unwrap()
}
