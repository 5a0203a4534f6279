//! Reads case files: the JSON form that swift-opa publishes, OPA's own YAML form, and OPA's plans beside the former.
//!
//! Takes a folder, gives [`CaseFile`]s in the order of their names. Runs nothing.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Largest case file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// How deep folders are followed.
const MAX_DEPTH: usize = 16;

/// A file of cases.
#[derive(Debug)]
pub(crate) struct CaseFile {
    /// Its path below the folder, with `/`.
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its place in its file, from 0.
    pub(crate) index: usize,
    pub(crate) note: String,
    pub(crate) query: String,
    /// Rego, one text per module.
    pub(crate) modules: Vec<String>,
    /// Whether the texts are in the language before OPA 1.0.
    pub(crate) v0: bool,
    /// The base documents; `{}` if the case names none.
    pub(crate) data: Json,
    pub(crate) input: Input,
    pub(crate) want: Want,
    /// Whether a builtin's error ends the evaluation.
    pub(crate) strict: bool,
    /// Whether arrays in the answers have no order.
    pub(crate) sort_bindings: bool,
    /// Whether variables that a compiler made are left out of the answers.
    pub(crate) ignore_generated_vars: bool,
    /// Environment variables that `opa.runtime` is to give.
    pub(crate) env: Map<String, Json>,
    /// OPA's plan of the case, if that is to be compiled.
    pub(crate) plan: Option<Json>,
}

/// The input document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// It is undefined.
    None,
    Json(Json),
    /// A Rego term, perhaps one that JSON does not have.
    Term(String),
}

/// What a case asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Want {
    /// These answers.
    Rows(Vec<Map<String, Json>>),
    /// An answer, or none.
    Defined(bool),
    /// An error with this code.
    Error(String),
    /// An error, of which the case gives words that have no code in them. Words are not compared.
    AnyError,
    /// Nothing but an end without an error.
    Nothing,
}

#[derive(Debug, Deserialize)]
struct RawFile {
    cases: Vec<RawCase>,
}

#[derive(Debug, Deserialize)]
struct RawCase {
    note: String,
    query: String,
    #[serde(default)]
    modules: Option<Vec<String>>,
    #[serde(default)]
    data: Option<Json>,
    #[serde(default)]
    input: Option<Json>,
    #[serde(default)]
    input_term: Option<String>,
    #[serde(default)]
    want_result: Option<Vec<Map<String, Json>>>,
    #[serde(default)]
    want_defined: Option<bool>,
    #[serde(default)]
    want_error_code: Option<String>,
    #[serde(default)]
    want_error: Option<String>,
    #[serde(default)]
    strict_error: bool,
    #[serde(default)]
    sort_bindings: bool,
    #[serde(default)]
    ignore_generated_vars: bool,
    #[serde(default)]
    env: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
struct PlanFile {
    cases: Vec<PlanCase>,
}

#[derive(Debug, Deserialize)]
struct PlanCase {
    note: String,
    plan: Json,
    #[serde(default)]
    want_plan_result: Option<Vec<Map<String, Json>>>,
}

/// Every `*.json`, `*.yaml` and `*.yml` below `dir`, in the order of their names.
///
/// # Errors
/// A file that cannot be read, or is no file of cases.
pub(crate) fn read_dir(dir: &Path) -> anyhow::Result<Vec<CaseFile>> {
    let mut paths = Vec::new();
    walk(dir, 0, &mut paths)?;
    paths.sort();
    paths.iter().map(|path| read_file(dir, path)).collect()
}

/// As [`read_dir`] for a folder of plans: what the plans are asked for lies in the folder `rego` beside it.
///
/// # Errors
/// As [`read_dir`], and where plans and cases do not match.
pub(crate) fn read_plans(dir: &Path) -> anyhow::Result<Vec<CaseFile>> {
    let rego = dir.join("..").join("rego");
    let mut paths = Vec::new();
    walk(dir, 0, &mut paths)?;
    paths.sort();
    let mut files = Vec::with_capacity(paths.len());
    for path in &paths {
        let name = path.strip_prefix(dir).unwrap_or(path);
        let mut file = read_file(&rego, &rego.join(name))
            .with_context(|| format!("`{}` has no cases beside it", path.display()))?;
        let planned: PlanFile = serde_json::from_str(&read_text(path)?).with_context(|| path.display().to_string())?;
        join(&mut file, planned).with_context(|| path.display().to_string())?;
        files.push(file);
    }
    Ok(files)
}

fn join(file: &mut CaseFile, planned: PlanFile) -> anyhow::Result<()> {
    if file.cases.len() != planned.cases.len() {
        bail!("{} plans for {} cases", planned.cases.len(), file.cases.len());
    }
    for (case, planned) in file.cases.iter_mut().zip(planned.cases) {
        if case.note != planned.note {
            bail!("the plan `{}` stands where the case `{}` does", planned.note, case.note);
        }
        if let (Want::Rows(rows), Some(wanted)) = (&mut case.want, planned.want_plan_result) {
            *rows = wanted;
        }
        case.plan = Some(planned.plan);
    }
    Ok(())
}

fn walk(dir: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH {
        bail!("`{}` lies too deep", dir.display());
    }
    for entry in std::fs::read_dir(dir).with_context(|| format!("`{}` cannot be read", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, depth + 1, paths)?;
        } else if path.extension().is_some_and(|ending| ending == "json" || ending == "yaml" || ending == "yml") {
            paths.push(path);
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("`{}` cannot be read", path.display());
    let size = std::fs::metadata(path).with_context(unreadable)?.len();
    if size > MAX_FILE {
        bail!("`{}` has {size} bytes, of which {MAX_FILE} are accepted", path.display());
    }
    std::fs::read_to_string(path).with_context(unreadable)
}

fn read_file(dir: &Path, path: &Path) -> anyhow::Result<CaseFile> {
    let below = path.strip_prefix(dir).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let text = read_text(path)?;
    let yaml = path.extension().is_some_and(|ending| ending != "json");
    // OPA keeps its cases of the older language below `v0`.
    let v0 = path.components().any(|part| part == Component::Normal("v0".as_ref()));
    let cases = read_cases(&text, yaml, v0).with_context(|| format!("`{}` is no file of cases", path.display()))?;
    Ok(CaseFile { name: parts.join("/"), cases })
}

/// The cases in the text of one file.
pub(crate) fn read_cases(text: &str, yaml: bool, v0: bool) -> anyhow::Result<Vec<Case>> {
    let raw: RawFile = if yaml { serde_saphyr::from_str(text)? } else { serde_json::from_str(text)? };
    raw.cases.into_iter().enumerate().map(|(index, raw)| case(index, raw, v0)).collect()
}

fn case(index: usize, raw: RawCase, v0: bool) -> anyhow::Result<Case> {
    let note = raw.note;
    // The list of what is not supported is made of lines and tabs.
    if note.contains(['\t', '\n', '\r']) {
        bail!("the name of case {index} has a tab or an end of line");
    }
    let code = raw.want_error_code.or_else(|| raw.want_error.as_deref().and_then(error_code));
    let want = match (raw.want_result, code, raw.want_defined, raw.want_error) {
        (Some(rows), None, _, None) => Want::Rows(rows),
        (_, Some(code), ..) => Want::Error(code),
        // As OPA reads cases, an error goes before a result, and a result before being defined.
        (_, None, _, Some(_)) => Want::AnyError,
        (None, None, Some(defined), None) => Want::Defined(defined),
        (None, None, None, None) => Want::Nothing,
    };
    let input = match (raw.input_term, raw.input) {
        (Some(term), _) => Input::Term(term),
        (None, Some(input)) => Input::Json(input),
        (None, None) => Input::None,
    };
    Ok(Case {
        index,
        note,
        query: raw.query,
        modules: raw.modules.unwrap_or_default(),
        v0,
        data: raw.data.unwrap_or_else(|| Json::Object(Map::new())),
        input,
        want,
        strict: raw.strict_error,
        sort_bindings: raw.sort_bindings,
        ignore_generated_vars: raw.ignore_generated_vars,
        env: raw.env,
        plan: None,
    })
}

/// The code in OPA's text of an error: `eval_type_error` in `p.rego:4: eval_type_error: …`.
fn error_code(text: &str) -> Option<String> {
    text.split(|char: char| !(char.is_ascii_lowercase() || char == '_'))
        .find(|word| word.ends_with("_error") && (word.starts_with("eval_") || word.starts_with("rego_")))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests;
