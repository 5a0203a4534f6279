//! The relocatable object: drops what the compiler does not read, lists what it defines.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use wasmparser::{KnownCustom, Linking, Parser, Payload, SymbolInfo};

/// `object` without the custom sections that carry names and producers for people.
pub(super) fn strip(object: &[u8]) -> Result<Vec<u8>> {
    let mut kept = object.get(..8).context("a truncated object")?.to_vec();
    let mut at = 8;
    for payload in Parser::new(0).parse_all(object) {
        let payload = payload?;
        let Some((_, range)) = payload.as_section() else { continue };
        // A section's bytes start at its id, right behind the section before.
        let start = std::mem::replace(&mut at, range.end as _);
        // These come after every section that a relocation section counts, so no index moves.
        let dropped =
            matches!(&payload, Payload::CustomSection(section) if matches!(section.name(), "name" | "producers"));
        if !dropped {
            kept.extend_from_slice(object.get(start..at).context("a section beyond the end")?);
        }
    }
    Ok(kept)
}

/// The names of the functions that `object` defines for others, and of those that it needs.
pub(super) fn symbols(object: &[u8]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(object) {
        let Payload::CustomSection(section) = payload? else { continue };
        let KnownCustom::Linking(reader) = section.as_known() else { continue };
        for subsection in reader {
            let Linking::SymbolTable(table) = subsection? else { continue };
            for symbol in table {
                if let SymbolInfo::Func { name: Some(name), .. } = symbol?
                    && (name.starts_with("sg_") || name.starts_with("opa_") || name == "eval")
                {
                    names.insert(name.to_owned());
                }
            }
        }
    }
    Ok(names)
}
