//! From a module's bytes to what instances are made from: checked, compiled, its builtins granted.
//!
//! Takes [`Parts`] of a bundle, gives [`Loaded`], which is shared by every policy over the same module. It keeps no
//! instance.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sealgate_builtins::{Entry, Grants, Registry};
use sealgate_bundle::Sha256Digest;
use serde::de::IgnoredAny;
use wasmtime::{InstancePre, Linker, Module};

use crate::abi::Exports;
use crate::code_cache::{CodeCache, Key};
use crate::decision::PolicyIdentity;
use crate::engine::Engine;
use crate::error::{EngineError, LoadError, RefusedBuiltin, WhyRefused};
use crate::host::{self, BuiltinTable, HostState};
use crate::instance::{Instance, Listings, Template};
use crate::module::{self, Bounds};
use crate::options::RuntimeOptions;
use crate::slots::InputSlots;

/// What of a bundle is loaded.
pub(crate) struct Parts<'a> {
    pub(crate) wasm: &'a [u8],
    /// The module's digest, where it was checked already.
    pub(crate) digest: Option<Sha256Digest>,
    pub(crate) data: Option<&'a [u8]>,
    pub(crate) identity: PolicyIdentity,
    /// The builtins that the signed manifest names; the module must list the same.
    pub(crate) allowed_builtins: Option<&'a [String]>,
}

/// A module that is ready to be instantiated.
#[derive(Clone)]
pub(crate) struct Loaded {
    engine: Engine,
    pre: InstancePre<HostState>,
    exports: Arc<Exports>,
    builtins: Arc<BuiltinTable>,
    slots: Option<Arc<InputSlots>>,
    identity: Arc<PolicyIdentity>,
    /// Sorted by name.
    pub(crate) entrypoints: Vec<(String, i32)>,
}

/// A module that was loaded just now.
pub(crate) struct New {
    pub(crate) loaded: Loaded,
    /// The instance that was asked for the lists, where instances without data are no different.
    pub(crate) probe: Option<Box<Instance>>,
}

impl Loaded {
    /// Checks, compiles and links the module, and asks it for its lists.
    ///
    /// # Errors
    /// [`LoadError`] names the step that refused.
    pub(crate) fn best(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<New, LoadError> {
        let engine = engine(options)?;
        check(parts)?;
        let cache = Cached::of(&engine, parts, options);
        let module = match cache.as_ref().and_then(|cache| cache.load(&engine)) {
            Some(module) => module,
            None => compiled(&engine, parts, options, cache.as_ref())?,
        };
        Self::of(engine, &module, parts, options)
    }

    /// The same by a compiler that takes half the time, for code that is to be replaced. It is not cached; where the cache has
    /// the best code, that is taken, and the second of what is given is true.
    ///
    /// # Errors
    /// As [`Loaded::best`].
    pub(crate) fn soon(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<(New, bool), LoadError> {
        let engine = engine(options)?;
        check(parts)?;
        if let Some(module) = Cached::of(&engine, parts, options).and_then(|cache| cache.load(&engine)) {
            return Ok((Self::of(engine, &module, parts, options)?, true));
        }
        let engine = engine.quick()?;
        let module = compiled(&engine, parts, options, None)?;
        Ok((Self::of(engine, &module, parts, options)?, false))
    }

    fn of(engine: Engine, module: &Module, parts: &Parts<'_>, options: &RuntimeOptions) -> Result<New, LoadError> {
        let exports = Arc::new(Exports::find(module)?);
        let mut linker = Linker::new(engine.wasmtime());
        host::link(&mut linker).map_err(not_compiled)?;
        let pre = linker.instantiate_pre(module).map_err(not_compiled)?;
        let mut loaded = Self {
            engine,
            pre,
            exports,
            builtins: Arc::default(),
            slots: None,
            identity: Arc::new(parts.identity.clone()),
            entrypoints: Vec::new(),
        };
        // A first instance without data or builtins is asked for the lists that the others are made with.
        let no_data: &[u8] = if loaded.exports.can_decide() { NO_DATA } else { &[] };
        let template = loaded.template(Arc::from(no_data), options)?;
        let mut probe = Instance::start(&template).map_err(LoadError::Start)?;
        let listings = probe.listings(&template)?;
        let Listings { mut entrypoints, builtins, slots } = listings;
        loaded.slots = slots.map(Arc::new);
        entrypoints.sort_unstable();
        loaded.entrypoints = entrypoints;
        loaded.builtins = Arc::new(grant(builtins, parts.allowed_builtins, &options.builtins, &options.grants)?);
        // What the lists have left lies above the heap base, as what a decision leaves.
        let alike = loaded.exports.can_decide() && loaded.builtins.is_empty();
        Ok(New { loaded, probe: alike.then(|| Box::new(probe)) })
    }

    /// What instances over `data` are made from.
    ///
    /// # Errors
    /// None but those of the engine's options.
    pub(crate) fn template(&self, data: Arc<[u8]>, options: &RuntimeOptions) -> Result<Template, LoadError> {
        let max_memory = max_memory(&self.engine, options, data.len());
        Ok(Template {
            engine: self.engine.clone(),
            pre: self.pre.clone(),
            exports: Arc::clone(&self.exports),
            builtins: Arc::clone(&self.builtins),
            slots: self.slots.clone(),
            host: options.host.clone(),
            grants: options.grants.clone(),
            data,
            identity: Arc::clone(&self.identity),
            isolation: options.isolation,
            empty_base: OnceLock::new(),
            max_memory,
            max_retained: options.max_retained,
            // Offsets are 32 bits, and the heap needs room above the input.
            max_input: options.max_input.min(1 << 30),
            max_result: options.max_result,
            load_ticks: self.engine.ticks(options.load_deadline),
            decide_ticks: self.engine.register_deadline(options.deadline),
            deadline: options.deadline.min(self.engine.options().longest_deadline),
        })
    }
}

fn engine(options: &RuntimeOptions) -> Result<Engine, EngineError> {
    match &options.engine {
        Some(engine) => Ok(engine.clone()),
        None => Engine::shared(),
    }
}

fn bounds(engine: &Engine, parts: &Parts<'_>, options: &RuntimeOptions) -> Bounds {
    let data = document(parts.data);
    Bounds { module: options.max_module, memory: max_memory(engine, options, data.len()) }
}

/// What of the parts is checked before the module is looked at.
fn check(parts: &Parts<'_>) -> Result<(), LoadError> {
    if parts.wasm.is_empty() {
        return Err(LoadError::NoModule);
    }
    parts.data.map_or(Ok(()), |data| check_json(data).map_err(LoadError::Data))
}

/// The engine's cache, and the key of a module there.
struct Cached<'e> {
    cache: &'e CodeCache,
    key: Key,
}

impl<'e> Cached<'e> {
    fn of(engine: &'e Engine, parts: &Parts<'_>, options: &RuntimeOptions) -> Option<Self> {
        let cache = engine.options().code_cache.as_ref()?;
        let digest = parts.digest.unwrap_or_else(|| Sha256Digest::of(parts.wasm));
        let compatibility = engine.wasmtime().precompile_compatibility_hash();
        Some(Self { cache, key: Key::new(&digest, &compatibility, &bounds(engine, parts, options)) })
    }

    /// The module as the cache has it from when it was checked and compiled.
    fn load(&self, engine: &Engine) -> Option<Module> {
        let code = self.cache.load(&self.key)?;
        // SAFETY: the cache gives only what a process of the same user has put there after compiling this module with this
        // compiler and these settings; nobody else can have written to it.
        #[allow(unsafe_code, reason = "compiled code is run as it is")]
        let module = unsafe { Module::deserialize(engine.wasmtime(), &code) };
        module.ok()
    }
}

/// The module, checked and compiled here, and kept in the cache.
fn compiled(
    engine: &Engine,
    parts: &Parts<'_>,
    options: &RuntimeOptions,
    cache: Option<&Cached<'_>>,
) -> Result<Module, LoadError> {
    let wasm = module::prepare(parts.wasm, bounds(engine, parts, options))?;
    if let Some(Cached { cache, .. }) = cache {
        cache.missed();
    }
    let module = Module::new(engine.wasmtime(), wasm).map_err(not_compiled)?;
    if let Some(Cached { cache, key }) = cache
        && let Ok(code) = module.serialize()
    {
        cache.store(key, &code);
    }
    Ok(module)
}

fn not_compiled(error: wasmtime::Error) -> LoadError {
    LoadError::Compile(format!("{error:#}"))
}

/// What an instance may have where the host does not say, beside what its data takes.
const OWN_MEMORY: usize = 256 << 20;
/// How many bytes of memory are granted for each byte of data: the text itself and its values.
const MEMORY_PER_DATA: usize = 4;

fn max_memory(engine: &Engine, options: &RuntimeOptions, data: usize) -> usize {
    let wanted = options.max_memory.unwrap_or_else(|| data.saturating_mul(MEMORY_PER_DATA).saturating_add(OWN_MEMORY));
    wanted.min(engine.options().max_memory)
}

/// The data document of a bundle without one.
pub(crate) const NO_DATA: &[u8] = b"{}";

/// The data document that instances are given: one that says nothing is the same as none.
pub(crate) fn document(data: Option<&[u8]>) -> &[u8] {
    data.filter(|data| data.trim_ascii() != NO_DATA).unwrap_or(NO_DATA)
}

/// Whether `text` is exactly one JSON value; what is wrong, if not.
///
/// # Errors
/// The parser's message.
pub(crate) fn check_json(text: &[u8]) -> Result<(), String> {
    // serde_json does not look into strings that nobody reads.
    let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// The builtins that the module lists, by their numbers; or everything that it does not get.
fn grant(
    mut listed: Vec<(String, i32)>,
    allowed: Option<&[String]>,
    registry: &Registry,
    grants: &Grants,
) -> Result<BuiltinTable, LoadError> {
    listed.sort_unstable();
    let mut table = BuiltinTable::with_capacity(listed.len());
    let mut refused = Vec::new();
    let mut unlisted: BTreeSet<&str> = allowed.into_iter().flatten().map(String::as_str).collect();
    for (name, id) in &listed {
        let signed = allowed.is_none() || unlisted.remove(name.as_str());
        match granted(name, signed, registry, grants) {
            Ok(entry) => {
                if table.insert(*id, (name.as_str().into(), entry)).is_some() {
                    let problem = format!("two builtins have the number {id}");
                    return Err(LoadError::Listing { what: "builtins", problem });
                }
            }
            Err(why) => refused.push(RefusedBuiltin { name: name.clone(), why }),
        }
    }
    if !refused.is_empty() {
        return Err(LoadError::BuiltinsNotGranted(refused));
    }
    if !unlisted.is_empty() {
        return Err(LoadError::BuiltinsNotListed(unlisted.into_iter().map(str::to_owned).collect()));
    }
    Ok(table)
}

fn granted(name: &str, signed: bool, registry: &Registry, grants: &Grants) -> Result<Entry, WhyRefused> {
    if !signed {
        return Err(WhyRefused::NotInManifest);
    }
    let entry = registry.get(name).ok_or(WhyRefused::Unknown)?;
    grants.check(name, entry.capability).map_err(WhyRefused::NotGranted)?;
    Ok(entry.clone())
}

/// The entrypoint that decides: the one asked for, the only one, or the only one that is named `decision`.
///
/// # Errors
/// [`LoadError::UnknownEntrypoint`] if the one asked for is not there.
pub(crate) fn decision_entrypoint(
    entrypoints: &[(String, i32)],
    wanted: Option<&str>,
) -> Result<Option<i32>, LoadError> {
    if let Some(wanted) = wanted {
        return match entrypoints.iter().find(|(name, _)| name == wanted) {
            Some((_, id)) => Ok(Some(*id)),
            None => Err(LoadError::UnknownEntrypoint {
                wanted: wanted.to_owned(),
                known: entrypoints.iter().map(|(name, _)| name.clone()).collect(),
            }),
        };
    }
    if let [(_, id)] = entrypoints {
        return Ok(Some(*id));
    }
    let mut named = entrypoints.iter().filter(|(name, _)| name.rsplit('/').next() == Some("decision"));
    Ok(match (named.next(), named.next()) {
        (Some((_, id)), None) => Some(*id),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_says_nothing_is_none() {
        for same in [None, Some(&b"{}"[..]), Some(b" {}\n")] {
            assert_eq!(document(same), NO_DATA);
        }
        for other in [&b"{\"a\":1}"[..], b"[]", b"{}{}", b""] {
            assert_eq!(document(Some(other)), other);
        }
    }
}
