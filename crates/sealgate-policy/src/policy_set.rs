//! A policy ready to decide by: roles resolved, constraints typed.
//!
//! Takes files; gives a [`PolicySet`] or everything that is wrong with them. Does no IO: who has a folder lists it.

mod resolve;
mod scopes;
mod summary;

use indexmap::IndexMap;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Sources};

use crate::constraint::Condition;
use crate::document::{Mode, PolicyDocument};
use crate::file_scope::FileScope;

pub use summary::{RoleSummary, Summary};

/// The role that callers of unknown role get the policy of, where a policy declares it.
pub const DEFAULT_ROLE: &str = "default";

/// One file of a policy: what it is called and what it says.
#[derive(Clone, Debug)]
pub struct PolicySource {
    name: String,
    text: String,
}

impl PolicySource {
    /// A file by the name (a path as the user wrote it) that findings show, and its text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The last part of the name without its extension: the role's name in a folder of role files.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name);
        file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file)
    }
}

/// The files of a policy.
#[derive(Clone, Debug)]
pub enum PolicyFiles {
    /// One file: flat, which makes it the role `default`, or with `roles:`.
    Single(PolicySource),
    /// A folder of role files; each file's stem is its role.
    Folder(Vec<PolicySource>),
}

/// A policy ready to decide by.
#[derive(Clone, Debug)]
pub struct PolicySet {
    name: Option<String>,
    description: Option<String>,
    roles: IndexMap<String, Role>,
    checks: Vec<Check>,
}

/// What callers of a role may do.
#[derive(Clone, Debug)]
pub struct Role {
    description: Option<String>,
    inherits: Vec<String>,
    tools: IndexMap<String, Grant>,
    fallback: Grant,
}

/// What holds for calls of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What becomes of a call whose checks hold.
    pub mode: Mode,
    /// Which entry of the policy this is: `ROLE/tools/TOOL` or `ROLE/default_policy`, the role being the one that the
    /// entry is written in.
    pub rule: String,
    /// What must hold of a call, in policy order: role-wide constraints, the tool's own, its file scope. Empty for
    /// [`Mode::Deny`].
    pub checks: Vec<CheckId>,
}

/// The index of a check in its [`PolicySet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(pub u32);

/// Something that must hold of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A constraint.
    Constraint {
        /// The constraint as written, trimmed.
        text: String,
        /// What it says.
        condition: Condition,
    },
    /// A file scope.
    FileScope(FileScope),
}

impl Check {
    /// What `violations` says when it fails.
    pub fn text(&self) -> &str {
        match self {
            Self::Constraint { text, .. } => text,
            Self::FileScope(_) => "file_scope",
        }
    }
}

impl PolicySet {
    /// Reads and resolves a policy. The files are added to `sources`, which findings point into. With the policy come
    /// its warnings; without one, everything that is wrong, warnings included, in source order.
    pub fn load(sources: &mut Sources, files: PolicyFiles) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut found = Diagnostics::new();
        let (files, folder) = match files {
            PolicyFiles::Single(file) => (vec![file], false),
            PolicyFiles::Folder(mut files) => {
                files.sort_by(|a, b| a.name.cmp(&b.name));
                (files, true)
            }
        };
        if files.is_empty() {
            let empty = Diagnostic::error("policy::no-roles", "the folder holds no policy files");
            return Err(empty.help("put one `ROLE.yaml` per role into it").into());
        }
        let mut documents = Vec::with_capacity(files.len());
        for file in &files {
            let id = sources.add(&file.name, &file.text);
            if let Some(document) = PolicyDocument::read(id, &file.text, &mut found) {
                documents.push((file.stem().to_owned(), document));
            }
        }
        let resolved = resolve::resolve(&documents, folder, &mut found);
        found.sort();
        match resolved {
            Some(set) if !found.has_errors() => Ok((set, found)),
            _ => Err(found),
        }
    }

    /// What the policy is called, if it says.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the policy is for, if it says.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The roles that callers can have, in policy order.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = (&str, &Role)> {
        self.roles.iter().map(|(name, role)| (name.as_str(), role))
    }

    /// The role that a caller who gives `role` has: that one, else `default`, if there is one.
    pub fn effective_role(&self, role: Option<&str>) -> Option<&Role> {
        role.and_then(|role| self.roles.get(role)).or_else(|| self.roles.get(DEFAULT_ROLE))
    }

    /// Every check, in the order of its id.
    pub fn checks(&self) -> impl ExactSizeIterator<Item = (CheckId, &Check)> {
        self.checks.iter().enumerate().map(|(id, check)| (CheckId(u32::try_from(id).unwrap_or(u32::MAX)), check))
    }

    /// The check with this id.
    pub fn check(&self, id: CheckId) -> Option<&Check> {
        self.checks.get(id.0 as usize)
    }

    /// What the policy holds, in figures and by role.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }
}

impl Role {
    /// What the role is for, if the policy says.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The roles that it builds on, as written.
    pub fn inherits(&self) -> &[String] {
        &self.inherits
    }

    /// What holds for each listed tool.
    pub fn tools(&self) -> impl ExactSizeIterator<Item = (&str, &Grant)> {
        self.tools.iter().map(|(name, grant)| (name.as_str(), grant))
    }

    /// Whether the role has an entry for this tool.
    pub fn lists(&self, tool: &str) -> bool {
        self.tools.contains_key(tool)
    }

    /// What holds for tools that are not listed.
    pub fn fallback(&self) -> &Grant {
        &self.fallback
    }

    /// What holds for this tool, listed or not.
    pub fn grant(&self, tool: &str) -> &Grant {
        self.tools.get(tool).unwrap_or(&self.fallback)
    }
}
