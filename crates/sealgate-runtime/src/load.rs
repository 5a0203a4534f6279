//! From a module's bytes to what instances are made from: checked, compiled, its builtins granted.
//!
//! Takes [`Parts`] of a bundle, gives [`Loaded`], which is shared by every policy over the same module. It keeps no
//! instance.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sealgate_builtins::{Entry, Grants, Registry};
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

impl Loaded {
    /// Checks, compiles and links the module, and asks it for its lists.
    ///
    /// # Errors
    /// [`LoadError`] names the step that refused.
    pub(crate) fn new(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<Self, LoadError> {
        Self::on(engine(options)?, parts, options)
    }

    /// The same by a compiler that takes half the time, for code that is to be replaced. It is not cached.
    ///
    /// # Errors
    /// As [`Loaded::new`].
    pub(crate) fn quickly(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<Self, LoadError> {
        Self::on(engine(options)?.quick()?, parts, options)
    }

    fn on(engine: Engine, parts: &Parts<'_>, options: &RuntimeOptions) -> Result<Self, LoadError> {
        if parts.wasm.is_empty() {
            return Err(LoadError::NoModule);
        }
        if let Some(data) = parts.data {
            check_json(data).map_err(LoadError::Data)?;
        }
        let bounds = bounds(&engine, parts, options);
        let module = compiled(&engine, parts.wasm, bounds)?;
        let exports = Arc::new(Exports::find(&module)?);
        let mut linker = Linker::new(engine.wasmtime());
        host::link(&mut linker).map_err(not_compiled)?;
        let pre = linker.instantiate_pre(&module).map_err(not_compiled)?;
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
        let probe = loaded.template(Arc::from([]), options)?;
        let listings = Instance::start(&probe).map_err(LoadError::Start)?.listings(&probe)?;
        let Listings { mut entrypoints, builtins, slots } = listings;
        loaded.slots = slots.map(Arc::new);
        entrypoints.sort_unstable();
        loaded.entrypoints = entrypoints;
        loaded.builtins = Arc::new(grant(builtins, parts.allowed_builtins, &options.builtins, &options.grants)?);
        Ok(loaded)
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
    let data = parts.data.map_or(0, <[u8]>::len);
    Bounds { module: options.max_module, memory: max_memory(engine, options, data) }
}

/// The engine's cache, and the key of a module there.
fn entry<'e>(engine: &'e Engine, wasm: &[u8], bounds: &Bounds) -> Option<(&'e CodeCache, Key)> {
    let cache = engine.options().code_cache.as_ref()?;
    Some((cache, Key::new(wasm, &engine.wasmtime().precompile_compatibility_hash(), bounds)))
}

/// Whether the cache has the module's code.
///
/// # Errors
/// None but those of the process-wide engine.
pub(crate) fn is_cached(parts: &Parts<'_>, options: &RuntimeOptions) -> Result<bool, LoadError> {
    let engine = engine(options)?;
    let entry = entry(&engine, parts.wasm, &bounds(&engine, parts, options));
    Ok(entry.is_some_and(|(cache, key)| cache.has(&key)))
}

/// The module, checked and compiled here, or as the cache has it from when it was.
fn compiled(engine: &Engine, wasm: &[u8], bounds: Bounds) -> Result<Module, LoadError> {
    let entry = entry(engine, wasm, &bounds);
    if let Some((cache, key)) = &entry
        && let Some(code) = cache.load(key)
    {
        // SAFETY: the cache gives only what a process of the same user has put there after compiling this module with this
        // compiler and these settings; nobody else can have written to it.
        #[allow(unsafe_code, reason = "compiled code is run as it is")]
        let module = unsafe { Module::deserialize(engine.wasmtime(), &code) };
        if let Ok(module) = module {
            return Ok(module);
        }
    }
    let module = Module::new(engine.wasmtime(), module::prepare(wasm, bounds)?).map_err(not_compiled)?;
    if let Some((cache, key)) = &entry
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
