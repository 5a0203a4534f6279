//! Findings as text (source line, caret, help) and as plain records for JSON.

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

use crate::{Diagnostic, Diagnostics, Position, Severity, Sources, Span};

/// Whether rendered text carries terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// A finding with its place resolved: what `--json` prints.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rendered<'a> {
    severity: Severity,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl Diagnostics {
    /// All findings as text, one block each, in order.
    pub fn render(&self, sources: &Sources, color: Color) -> String {
        self.iter().map(|found| found.render(sources, color) + "\n").collect()
    }

    /// All findings as records that serialise to JSON.
    pub fn records<'a>(&'a self, sources: &'a Sources) -> Vec<Rendered<'a>> {
        self.iter().map(|found| found.record(sources)).collect()
    }
}

impl Diagnostic {
    /// The finding as a block of text that ends without a line break.
    pub fn render(&self, sources: &Sources, color: Color) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(&self.message).id(self.code).elements(Vec::<Element<'_>>::new());
        if let Some((span, source)) = self.span.and_then(|span| Some((span, sources.get(span.source)?))) {
            let primary = AnnotationKind::Primary.span(on_text(source.text(), span));
            let mut snippet = Snippet::source(source.text()).path(source.name()).annotation(primary);
            let mut elsewhere = Vec::new();
            for label in &self.labels {
                if label.span.source == span.source {
                    let context = AnnotationKind::Context.span(on_text(source.text(), label.span));
                    snippet = snippet.annotation(context.label(&label.text));
                } else {
                    elsewhere.push(label);
                }
            }
            group = group.element(snippet);
            for label in elsewhere {
                let Some(other) = sources.get(label.span.source) else { continue };
                let context = AnnotationKind::Context.span(on_text(other.text(), label.span)).label(&label.text);
                group = group.element(Snippet::source(other.text()).path(other.name()).annotation(context));
            }
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = match color {
            Color::Never => Renderer::plain(),
            Color::Always => Renderer::styled(),
        };
        renderer.render(&[group])
    }

    fn record<'a>(&'a self, sources: &'a Sources) -> Rendered<'a> {
        let source = self.span.and_then(|span| sources.get(span.source));
        let at = |offset: fn(Span) -> u32| Some(source?.position(offset(self.span?)));
        Rendered {
            severity: self.severity,
            code: self.code,
            message: &self.message,
            file: source.map(crate::Source::name),
            start: at(|span| span.start),
            end: at(|span| span.end),
            text: self.span.and_then(|span| sources.slice(span)),
            help: self.help.as_deref(),
        }
    }
}

/// The span's range, moved onto character boundaries inside the text: a renderer must not fall over a bad span.
fn on_text(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary(span.end as usize);
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_a_caret_and_the_help() {
        let mut sources = Sources::new();
        let id = sources.add("policy.yaml", "version: 1\nconstraint: 2\n");
        let found = Diagnostic::error("policy::unknown-key", "unknown key `constraint`")
            .at(Span::new(id, 11..21))
            .help("did you mean `constraints`?");
        let text = found.render(&sources, Color::Never);
        for part in
            ["error[policy::unknown-key]: unknown key `constraint`", "policy.yaml:2:1", "^^^^^^^^^^", "help: did"]
        {
            assert!(text.contains(part), "{part:?} is missing from:\n{text}");
        }
    }

    #[test]
    fn a_span_outside_the_text_does_not_panic() {
        let mut sources = Sources::new();
        let id = sources.add("a", "é");
        for range in [1..1, 5..9, 0..1] {
            Diagnostic::error("x", "m").at(Span::new(id, range)).render(&sources, Color::Never);
        }
    }
}
