//! Constant patterns of `regex.match`, under its older name too, and of `glob.match`: compiled here, once, to tables in static data.
//!
//! A pattern that is no constant, no valid one, or too large for a table is left to the kernel's own engine.

use sealgate_kernel::builtins::{glob, regex};

use super::constants::ConstId;
use super::function::FunctionCompiler;
use super::traced::{Question, Word};
use crate::ir::{Local, Location, Operand};

/// What a table is made of: the pattern, and the delimiters of a glob.
pub(super) type Pattern = (ConstId, Option<ConstId>);

const TABLE_MATCH: &str = "sg_regex_table_match";

impl FunctionCompiler<'_, '_> {
    /// Compiles a call that matches a constant pattern; whether it is one.
    pub(super) fn compile_match(&mut self, name: &str, args: &[Operand], result: Local, location: Location) -> bool {
        let (pattern, text) = match (name, args) {
            ("regex.match" | "re_match", [pattern, text]) => {
                (self.constant_of(*pattern).map(|pattern| (pattern, None)), *text)
            }
            ("glob.match", [pattern, delimiters, text]) => {
                let delimiters = self.constant_of(*delimiters);
                (self.constant_of(*pattern).filter(|_| delimiters.is_some()).map(|it| (it, delimiters)), *text)
            }
            _ => return false,
        };
        let Some((pattern, delimiters)) = pattern else { return false };
        if !self.module.holds(Question::IsPattern(pattern, delimiters)) {
            return false;
        }
        self.push_word(Word::Pattern(pattern, delimiters));
        self.push(text);
        self.call(TABLE_MATCH);
        self.builtin_result(name, args, result, location);
        true
    }
}

impl super::Module<'_> {
    /// Address of the table of a pattern.
    pub(super) fn pattern_table(&mut self, pattern: Pattern) -> Option<u32> {
        if !(self.kernel)(TABLE_MATCH) {
            return None;
        }
        if let Some(known) = self.patterns.get(&pattern) {
            return *known;
        }
        let table = self.compile_pattern(pattern);
        let address = table.map(|table| self.constants.blob(&table));
        self.patterns.insert(pattern, address);
        address
    }

    fn compile_pattern(&self, (pattern, delimiters): Pattern) -> Option<Vec<u8>> {
        let pattern = self.constants.as_text(pattern)?;
        let Some(delimiters) = delimiters else { return regex::match_table(pattern) };
        let delimiters = if self.constants.is_null(delimiters) {
            Vec::new()
        } else {
            match self.constants.as_array(delimiters)? {
                [] => vec!['.'],
                all => all.iter().map(|each| single(self.constants.as_text(*each)?)).collect::<Option<_>>()?,
            }
        };
        glob::match_table(pattern, &delimiters)
    }
}

/// The only character of a text.
fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}
