//! `opa-wasm MODULE CALLS`: a module of `opa build -t wasm` in the crate `opa-wasm`, JSON in and JSON out, as
//! `sealgate-bench-protocol` says.
//!
//! The call is given as text that serde_json copies and the answer taken as such, so that the host adds as little as it can.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use opa_wasm::{DefaultContext, Policy, Runtime};
use sealgate_bench_protocol::{Contestant, Failure, serve};
use serde_json::Value;
use serde_json::value::RawValue;
use wasmtime::{Config, Engine, Module, Store};

const ENTRYPOINT: &str = "sealgate/policy/decision";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let served = match arguments.as_slice() {
        [module, calls] => OpaWasm::new(Path::new(module)).and_then(|mut side| serve(&mut side, Path::new(calls))),
        _ => Err("usage: opa-wasm MODULE CALLS".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("opa-wasm: {error}");
            ExitCode::FAILURE
        }
    }
}

struct OpaWasm {
    executor: tokio::runtime::Runtime,
    store: Store<()>,
    policy: Policy<DefaultContext>,
    call: Box<RawValue>,
}

impl OpaWasm {
    fn new(module: &Path) -> Result<Self, Failure> {
        let executor = tokio::runtime::Builder::new_current_thread().build()?;
        let engine = Engine::new(&Config::new())?;
        let module = Module::new(&engine, std::fs::read(module)?)?;
        let mut store = Store::new(&engine, ());
        let policy = executor.block_on(async {
            let runtime = Runtime::new(&mut store, &module).await?;
            runtime.without_data(&mut store).await
        })?;
        Ok(Self { executor, store, policy, call: RawValue::from_string("null".to_owned())? })
    }

    fn document(&mut self) -> Result<Box<RawValue>, Failure> {
        Ok(self.executor.block_on(self.policy.evaluate(&mut self.store, ENTRYPOINT, &self.call))?)
    }
}

impl Contestant for OpaWasm {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.call = RawValue::from_string(String::from_utf8(call.to_vec())?)?;
        Ok(())
    }

    fn decide(&mut self) {
        let _ = black_box(self.document());
    }

    fn allows(&mut self) -> bool {
        let rows = self.document().and_then(|rows| Ok(serde_json::from_str::<Value>(rows.get())?));
        rows.is_ok_and(|rows| rows.pointer("/0/result/allow") == Some(&Value::Bool(true)))
    }
}
