//! File scopes as written to [`FileScope`]s.

use sealgate_diagnostics::{Diagnostic, Diagnostics};

use crate::constraint::{Path, Root, Step};
use crate::document::{ConstraintText, FileScopeDocument};
use crate::file_scope::{AllowedPaths, FileScope};
use crate::pattern::{Pattern, path_alternatives};

/// The argument that holds the path, for tools that agents usually have.
const USUAL_ARGUMENTS: &[(&str, &str)] = &[
    ("read_file", "file_path"),
    ("write_file", "file_path"),
    ("edit_file", "file_path"),
    ("glob", "path"),
    ("grep", "path"),
    ("Read", "file_path"),
    ("Write", "file_path"),
    ("Edit", "file_path"),
    ("MultiEdit", "file_path"),
    ("NotebookEdit", "notebook_path"),
    ("Glob", "path"),
    ("Grep", "path"),
    ("LS", "path"),
    ("create_directory", "path"),
    ("delete_file", "path"),
    ("list_directory", "path"),
];

/// Types a file scope; `tool` is the tool that it is written for, if it is for one.
pub(super) fn read_file_scope(
    written: &FileScopeDocument,
    tool: Option<&str>,
    found: &mut Diagnostics,
) -> Option<FileScope> {
    let arguments = read_arguments(written, tool, found);
    let none = || written.allowed_paths.as_ref().is_none_or(|globs| globs.value.is_empty());
    if none() && written.denied_paths.as_ref().is_none_or(|globs| globs.value.is_empty()) {
        let at = written.allowed_paths.as_ref().or(written.denied_paths.as_ref()).map_or(written.span, |g| g.span);
        let useless = Diagnostic::warning("policy::useless", "this file scope lets every path pass").at(at);
        found.push(useless.help("list globs under `allowed_paths`; to allow no path, use `mode: deny`"));
    }
    let allowed = written.allowed_paths.as_ref().map(|globs| check_globs(&globs.value, found)).unwrap_or_default();
    let denied = written.denied_paths.as_ref().map(|globs| check_globs(&globs.value, found)).unwrap_or_default();
    let (absolute, relative): (Vec<String>, Vec<String>) =
        allowed.iter().cloned().partition(|glob| glob.starts_with('/'));
    let compile = |globs: &[String], found: &mut Diagnostics| {
        Pattern::any_path(globs).unwrap_or_else(|error| {
            let message = format!("the globs together are too much: {}", error.message);
            found.push(Diagnostic::error("policy::pattern", message).at(written.span));
            None
        })
    };
    if allowed.is_empty()
        && let Some(globs) = &written.denied_paths
        && !denied.is_empty()
        && denied.iter().all(|glob| !glob.starts_with('/') && !glob.starts_with("**"))
    {
        let message = "paths that begin with `/` pass this file scope, wherever they lead";
        let help = "list `allowed_paths`, or begin these globs with `**/`";
        found.push(Diagnostic::warning("policy::absolute-paths", message).at(globs.span).help(help));
    }
    let allowed_paths = (!allowed.is_empty())
        .then(|| AllowedPaths { relative: compile(&relative, found), absolute: compile(&absolute, found) });
    let denied = compile(&denied, found);
    Some(FileScope { arguments: arguments?, allowed: allowed_paths, denied })
}

fn read_arguments(written: &FileScopeDocument, tool: Option<&str>, found: &mut Diagnostics) -> Option<Vec<Path>> {
    let argument =
        |name: &str| Path { root: Root::Args, steps: name.split('.').map(|part| Step::Key(part.to_owned())).collect() };
    let Some(names) = &written.argument else {
        let usual = USUAL_ARGUMENTS.iter().find(|(usual, _)| Some(*usual) == tool);
        if usual.is_none() {
            let missing = Diagnostic::error("policy::file-scope", "which argument holds the path is not said");
            found.push(missing.at(written.span).help("add `argument: NAME` to the file scope"));
        }
        return usual.map(|(_, name)| vec![argument(name)]);
    };
    if names.is_empty() {
        found.push(Diagnostic::error("policy::file-scope", "`argument` names no argument").at(written.span));
    }
    for name in names.iter().filter(|name| name.value.split('.').any(str::is_empty)) {
        let message = format!("`{}` names no argument", name.value);
        found.push(Diagnostic::error("policy::file-scope", message).at(name.span));
    }
    Some(names.iter().map(|name| argument(&name.value)).collect())
}

/// The globs that can match a normalised path, their alternatives each by itself; the others are reported.
fn check_globs(globs: &[ConstraintText], found: &mut Diagnostics) -> Vec<String> {
    let mut good = Vec::with_capacity(globs.len());
    for glob in globs {
        match check_glob(glob.text()) {
            Ok(alternatives) => good.extend(alternatives),
            Err((message, help)) => {
                let found_here = Diagnostic::error("policy::pattern", message).at(glob.span());
                found.push(if help.is_empty() { found_here } else { found_here.help(help) });
            }
        }
    }
    good
}

/// The alternatives of a glob, or what is wrong with it and what helps.
fn check_glob(text: &str) -> Result<Vec<String>, (String, &'static str)> {
    if text.contains('\\') {
        return Err((format!("`{text}` never matches"), "paths are compared with `/` between their parts"));
    }
    let mut alternatives =
        path_alternatives(text).map_err(|wrong| (format!("`{text}` is not a glob: {}", wrong.message), ""))?;
    for one in &mut alternatives {
        if one.starts_with("./") {
            one.drain(..2);
        }
        if let Some(help) = never_matches(one) {
            let what = match one.as_str() {
                "" if text.is_empty() => "the glob is empty".to_owned(),
                "" => format!("`{text}` may be empty"),
                one if text.ends_with(one) => format!("`{one}` never matches"),
                one => format!("`{text}` never matches as `{one}`"),
            };
            return Err((what, help));
        }
    }
    Ok(alternatives)
}

/// What helps where a glob without alternatives never matches a normalised path.
fn never_matches(glob: &str) -> Option<&'static str> {
    let parts = || glob.strip_prefix('/').unwrap_or(glob).split('/');
    if glob.is_empty() {
        Some("`**` matches every path, `.` the current folder")
    } else if glob.ends_with('/') && glob != "/" {
        Some("paths are compared without a `/` at their end; a folder is `dir/**`")
    } else if (glob != "." && parts().any(|part| matches!(part, "." | ".."))) || glob.contains("//") {
        Some("paths are compared after `.`, `..` and `//` are resolved")
    } else {
        None
    }
}
