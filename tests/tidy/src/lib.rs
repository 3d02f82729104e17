//! Rules of style and structure that hold for every tracked file of the repository.
//!
//! Each rule is a pure function over text. [`check`] runs all of them.

pub mod repository;
pub mod rules;
pub mod source;

use std::fmt;

use crate::repository::Repository;

/// One of the rules, as it is named in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A Rust file is readable by the parser.
    Syntax,
    /// A function has at most 70 lines.
    FunctionLength,
    /// A line of Rust has at most 100 columns.
    LineLength,
    /// A file has at most 400 lines, a test file 600.
    FileLength,
    /// The README has at most 150 lines.
    ReadmeLength,
    /// The glossary has at most 40 entries.
    GlossaryLength,
    /// The modules of a crate import each other without a circle.
    Circle,
    /// A crate depends only on crates below it.
    Layer,
    /// A module with children is a folder with `mod.rs`.
    ModuleStyle,
    /// A retired word is gone from code and prose.
    RetiredWord,
    /// A doc comment says what its item is or does.
    QuestionDoc,
    /// A sentence that people read lives in the view.
    Sentence,
    /// A link of a document leads somewhere, and a function is where the document says.
    Document,
    /// A commit subject has at most 72 characters.
    CommitSubject,
}

impl Rule {
    /// All rules, in the order of the output.
    pub const ALL: [Self; 14] = [
        Self::Syntax,
        Self::FunctionLength,
        Self::LineLength,
        Self::FileLength,
        Self::ReadmeLength,
        Self::GlossaryLength,
        Self::Circle,
        Self::Layer,
        Self::ModuleStyle,
        Self::RetiredWord,
        Self::QuestionDoc,
        Self::Sentence,
        Self::Document,
        Self::CommitSubject,
    ];

    /// Name in the output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::FunctionLength => "function-length",
            Self::LineLength => "line-length",
            Self::FileLength => "file-length",
            Self::ReadmeLength => "readme-length",
            Self::GlossaryLength => "glossary-length",
            Self::Circle => "circle",
            Self::Layer => "layer",
            Self::ModuleStyle => "module-style",
            Self::RetiredWord => "retired-word",
            Self::QuestionDoc => "question-doc",
            Self::Sentence => "sentence",
            Self::Document => "document",
            Self::CommitSubject => "commit-subject",
        }
    }
}

/// A place that breaks a rule, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path below the root of the repository.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Broken rule.
    pub rule: Rule,
    /// Finding and remedy.
    pub remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}: {}", self.file, self.line, self.rule.name(), self.remedy)
    }
}

/// Returns every violation of the repository, ordered by file and line.
#[must_use]
pub fn check(repository: &Repository) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut parsed = Vec::new();
    for file in &repository.files {
        found.extend(rules::size::check_file(file));
        if file.is_rust() {
            match source::RustSource::parse(file) {
                Ok(rust) => parsed.push(rust),
                Err(violation) => found.push(violation),
            }
        } else {
            found.extend(rules::words::check_text(file));
        }
    }
    for rust in &parsed {
        found.extend(rules::size::check_functions(rust));
        found.extend(rules::size::check_lines(rust));
        found.extend(rules::words::check_rust(rust));
        found.extend(rules::docs::check(rust));
        found.extend(rules::sentences::check(rust));
    }
    found.extend(rules::circles::check(&parsed));
    found.extend(rules::layers::check(&repository.files));
    found.extend(rules::module_style::check(&repository.files));
    found.extend(rules::documents::check(&repository.files, &repository.paths));
    found.extend(rules::history::check(&repository.commits));
    found.sort();
    found.dedup();
    found
}
