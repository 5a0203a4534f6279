//! A policy in figures, for tables.

use super::PolicySet;
use crate::document::Mode;

/// What a policy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its roles, in policy order.
    pub roles: Vec<RoleSummary>,
    /// How many different tools are listed, over all roles.
    pub tools: usize,
    /// How many pairs of role and tool are listed.
    pub grants: usize,
    /// How many different constraints and file scopes there are.
    pub checks: usize,
}

/// What a role holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSummary {
    /// Its name.
    pub name: String,
    /// The roles that it builds on, as written.
    pub inherits: Vec<String>,
    /// Tools by name with their modes and how many checks each has, in policy order.
    pub tools: Vec<(String, Mode, usize)>,
    /// The mode of tools that are not listed.
    pub fallback: Mode,
}

impl RoleSummary {
    /// How many of the role's tools have this mode.
    pub fn count(&self, mode: Mode) -> usize {
        self.tools.iter().filter(|(_, of_tool, _)| *of_tool == mode).count()
    }
}

impl Summary {
    pub(super) fn of(set: &PolicySet) -> Self {
        let roles: Vec<RoleSummary> = set
            .roles()
            .map(|(name, role)| RoleSummary {
                name: name.to_owned(),
                inherits: role.inherits.clone(),
                tools: role.tools().map(|(tool, grant)| (tool.to_owned(), grant.mode, grant.checks.len())).collect(),
                fallback: role.fallback.mode,
            })
            .collect();
        let tools: foldhash::HashSet<&str> =
            set.roles().flat_map(|(_, role)| role.tools().map(|(tool, _)| tool)).collect();
        Self {
            tools: tools.len(),
            grants: roles.iter().map(|role| role.tools.len()).sum(),
            checks: set.checks.len(),
            roles,
        }
    }
}
