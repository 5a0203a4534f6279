//! The rewritten module is valid, defines its memory where it imported it, and is otherwise the same.

use super::*;

const BOUNDS: Bounds = Bounds { module: 1 << 20, memory: 1 << 20 };

fn check(wat: &str) -> String {
    let wasm = wat::parse_str(wat).unwrap();
    let prepared = prepare(&wasm, BOUNDS).unwrap();
    Validator::new().validate_all(&prepared).unwrap();
    let mut memories = Vec::new();
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(&prepared) {
        match payload.unwrap() {
            Payload::MemorySection(reader) => {
                memories.extend(reader.into_iter().map(|memory| {
                    let memory = memory.unwrap();
                    format!("memory {} {:?}", memory.initial, memory.maximum)
                }));
            }
            Payload::ImportSection(reader) => {
                imports.extend(reader.into_imports().map(|import| import.unwrap().name.to_owned()));
            }
            _ => {}
        }
    }
    format!("{} imports {}", memories.join(" "), imports.join(" "))
}

#[test]
fn an_imported_memory_becomes_a_defined_one() {
    assert_eq!(
        check(
            r#"(module
                (import "env" "memory" (memory 2 9))
                (import "env" "opa_abort" (func (param i32)))
                (table 1 funcref) (elem (i32.const 0) func 0)
                (global i32 (i32.const 1))
                (export "memory" (memory 0))
                (func (drop (i32.load (i32.const 0))) (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))
                (data "x") (data (i32.const 1) "y"))"#
        ),
        "memory 2 Some(9) imports opa_abort"
    );
    assert_eq!(
        check(r#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)))"#),
        "memory 1 None imports "
    );
    assert_eq!(
        check(r#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) (func) (start 0))"#),
        "memory 1 None imports "
    );
}

#[test]
fn a_defined_memory_is_left_alone() {
    let wasm = wat::parse_str(r#"(module (memory (export "memory") 3))"#).unwrap();
    assert_eq!(prepare(&wasm, BOUNDS).unwrap(), wasm);
}

#[test]
fn bounds_are_kept() {
    let wasm = wat::parse_str(r#"(module (import "env" "memory" (memory 17)) (export "memory" (memory 0)))"#).unwrap();
    assert_eq!(prepare(&wasm, BOUNDS), Err(ModuleError::MemoryTooLarge { pages: 17, limit: 16 }));
    let small = Bounds { module: 10, ..BOUNDS };
    assert_eq!(prepare(&wasm, small), Err(ModuleError::TooLarge { size: wasm.len(), limit: 10 }));
}
