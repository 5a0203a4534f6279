//! `native best|values CALLS`: decides by [`sealgate_peer_native`], as `sealgate-bench-protocol` says.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use sealgate_bench_protocol::{Contestant, Failure, serve};
use sealgate_peer_native::{Untyped, typed};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let served = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["best", calls] => plain_serde_json().and_then(|()| serve(&mut Best::default(), Path::new(calls))),
        ["values", calls] => plain_serde_json().and_then(|()| serve(&mut Values::default(), Path::new(calls))),
        _ => Err("usage: native best|values CALLS".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("native: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether serde_json keeps neither the digits of numbers nor the order of members: both make it slower.
fn plain_serde_json() -> Result<(), Failure> {
    let value: serde_json::Value = serde_json::from_str(r#"{"b":1.00,"a":0}"#)?;
    match value.to_string().as_str() {
        r#"{"a":0,"b":1.0}"# => Ok(()),
        other => Err(format!("serde_json has been built with features that slow it down: it gives {other}").into()),
    }
}

#[derive(Default)]
struct Best {
    call: Vec<u8>,
    out: Vec<u8>,
}

impl Contestant for Best {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.call = call.to_vec();
        Ok(())
    }

    fn decide(&mut self) {
        let _ = black_box(typed(black_box(&self.call), &mut self.out));
        black_box(&self.out);
    }

    fn allows(&mut self) -> bool {
        typed(&self.call, &mut self.out).is_ok() && allowed(&self.out)
    }
}

#[derive(Default)]
struct Values {
    rules: Untyped,
    call: Vec<u8>,
}

impl Contestant for Values {
    fn take(&mut self, call: &[u8]) -> Result<(), Failure> {
        self.call = call.to_vec();
        Ok(())
    }

    fn decide(&mut self) {
        let _ = black_box(self.rules.decide(black_box(&self.call)));
    }

    fn allows(&mut self) -> bool {
        self.rules.decide(&self.call).is_ok_and(|document| allowed(&document))
    }
}

fn allowed(document: &[u8]) -> bool {
    document.starts_with(br#"[{"result":{"allow":true,"#)
}
