//! OPA's `.manifest`: what it says that a rebuild must keep.

use std::collections::BTreeMap;

use sealgate_rego::ast::Version;
use serde::Deserialize;

/// A bundle's `.manifest`. Members that are not named here do not matter to a rebuild.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OpaManifest {
    #[serde(default)]
    pub(super) revision: String,
    #[serde(default)]
    pub(super) roots: Option<Vec<String>>,
    #[serde(default)]
    wasm: Vec<Resolver>,
    #[serde(default)]
    rego_version: Option<u8>,
    #[serde(default)]
    file_rego_versions: BTreeMap<String, u8>,
}

/// A module for an entrypoint.
#[derive(Debug, Deserialize)]
struct Resolver {
    #[serde(default)]
    entrypoint: String,
}

impl OpaManifest {
    /// Reads a manifest and checks it against itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut manifest: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for version in manifest.rego_version.iter().chain(manifest.file_rego_versions.values()) {
            if *version > 1 {
                return Err(format!("`rego_version` is 0 or 1, not {version}"));
            }
        }
        let roots = manifest.roots.get_or_insert_with(|| vec![String::new()]);
        for root in roots.iter_mut() {
            *root = root.trim_matches('/').to_owned();
        }
        for (at, root) in roots.iter().enumerate() {
            if let Some(other) = roots.iter().skip(at + 1).find(|other| contains(root, other) || contains(other, root))
            {
                return Err(format!("the roots `{root}` and `{other}` overlap"));
            }
        }
        Ok(manifest)
    }

    /// The entrypoints of the bundle's Wasm modules.
    pub(super) fn entrypoints(&self) -> impl Iterator<Item = &str> {
        self.wasm.iter().map(|resolver| resolver.entrypoint.as_str()).filter(|name| !name.is_empty())
    }

    /// The version of a file, by its path in the bundle; none where the manifest does not say.
    pub(super) fn version_of(&self, path: &str) -> Option<Version> {
        let path = path.trim_start_matches('/');
        let of_file = self.file_rego_versions.iter().find(|(pattern, _)| {
            let pattern = pattern.trim_start_matches('/');
            pattern == path || super::files::glob_matches(pattern, path)
        });
        let number = of_file.map(|(_, version)| *version).or(self.rego_version)?;
        Some(if number == 0 { Version::V0 } else { Version::V1 })
    }
}

/// Whether a path lies at or below a root.
pub(super) fn contains(root: &str, path: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_file_else_of_the_bundle() {
        let text =
            r#"{"rego_version": 0, "file_rego_versions": {"/lib/*.rego": 1, "/x.rego": 1}, "roots": ["a/", "/b"]}"#;
        let manifest = OpaManifest::parse(text).unwrap();
        assert_eq!(manifest.version_of("/lib/a.rego"), Some(Version::V1));
        assert_eq!(manifest.version_of("x.rego"), Some(Version::V1));
        assert_eq!(manifest.version_of("/lib/deep/a.rego"), Some(Version::V0));
        assert_eq!(manifest.roots, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(OpaManifest::parse(r#"{"roots": ["a", "a/b"]}"#).unwrap_err().contains("overlap"));
        assert!(OpaManifest::parse(r#"{"roots": ["a", "ab"]}"#).is_ok());
        assert!(OpaManifest::parse(r#"{"rego_version": 2}"#).is_err());
    }
}
