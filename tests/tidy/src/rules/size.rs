//! Sizes of files, functions and lines.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{PieceKind, RustSource, Source};
use crate::{Rule, Violation};

const FUNCTION: usize = 70;
const COLUMNS: usize = 100;
const FILE: usize = 400;
const TEST_FILE: usize = 600;
const README: usize = 150;
const GLOSSARY: usize = 40;

/// Kinds of files that are code.
const CODE: [&str; 7] = [".rs", ".js", ".mjs", ".py", ".html", ".css", ".sh"];

/// Finds a file that is too long.
#[must_use]
pub fn check_file(file: &Source) -> Option<Violation> {
    let lines = file.text.lines().count();
    if file.path == "README.md" {
        return (lines > README).then(|| {
            let remedy = format!("{lines} lines, at most {README}: move detail to docs/");
            file.violation(README + 1, Rule::ReadmeLength, remedy)
        });
    }
    if file.path == "docs/GLOSSARY.md" {
        let entries = count_entries(&file.text);
        return (entries > GLOSSARY).then(|| {
            let remedy = format!("{entries} entries, at most {GLOSSARY}: use fewer terms");
            file.violation(1, Rule::GlossaryLength, remedy)
        });
    }
    let most = if file.is_test() { TEST_FILE } else { FILE };
    let is_code = CODE.iter().any(|kind| file.path.ends_with(kind));
    (is_code && lines > most).then(|| {
        let remedy = format!("{lines} lines, at most {most}: split it by subject");
        file.violation(most + 1, Rule::FileLength, remedy)
    })
}

/// Counts the entries of a glossary: the rows of its tables below their headers.
fn count_entries(glossary: &str) -> usize {
    let is_row = |line: &&str| line.trim_start().starts_with('|');
    let is_ruler = |line: &&str| is_row(line) && !line.contains(char::is_alphanumeric);
    // Each table has one header and one ruler.
    let rulers = glossary.lines().filter(is_ruler).count();
    glossary.lines().filter(is_row).count() - 2 * rulers
}

/// Finds functions that are too long, also inside of macros.
#[must_use]
pub fn check_functions(rust: &RustSource<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    find_functions(rust, rust.tokens.clone(), &mut found);
    found
}

fn find_functions(rust: &RustSource<'_>, tokens: TokenStream, found: &mut Vec<Violation>) {
    // The name and first line of a function whose body is yet to come.
    let mut open: Option<(String, usize)> = None;
    let mut is_after_fn = false;
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) if ident == "fn" => is_after_fn = true,
            TokenTree::Ident(ident) if is_after_fn => {
                open = Some((ident.to_string(), ident.span().start().line));
                is_after_fn = false;
            }
            TokenTree::Punct(punct) => {
                is_after_fn = false;
                if punct.as_char() == ';' {
                    open = None;
                }
            }
            TokenTree::Group(group) => {
                is_after_fn = false;
                if group.delimiter() == Delimiter::Brace
                    && let Some((name, first)) = open.take()
                {
                    let lines = group.span_close().end().line + 1 - first;
                    if lines > FUNCTION {
                        let remedy =
                            format!("fn {name}: {lines} lines, at most {FUNCTION}: split it");
                        found.push(rust.file.violation(first, Rule::FunctionLength, remedy));
                    }
                }
                find_functions(rust, group.stream(), found);
            }
            _ => is_after_fn = false,
        }
    }
}

/// Finds lines that are too wide and can be broken.
#[must_use]
pub fn check_lines(rust: &RustSource<'_>) -> Vec<Violation> {
    let unbreakable: Vec<_> = rust
        .pieces
        .iter()
        .filter(|piece| !is_breakable(piece.kind, rust.text(piece)))
        .map(|piece| piece.line..=piece.line + rust.text(piece).matches('\n').count())
        .collect();
    rust.file
        .text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(number, line)| {
            line.chars().count() > COLUMNS
                && !line.contains("://")
                && !unbreakable.iter().any(|lines| lines.contains(number))
        })
        .map(|(number, line)| {
            let remedy = format!("{} columns, at most {COLUMNS}", line.chars().count());
            rust.file.violation(number, Rule::LineLength, remedy)
        })
        .collect()
}

/// Returns `false` for a raw string, a string that is one long word, and a row of a table.
fn is_breakable(kind: PieceKind, text: &str) -> bool {
    match kind {
        PieceKind::Literal => {
            let is_raw = text.trim_start_matches(['b', 'c']).starts_with('r');
            !is_raw && text.split([' ', '\n']).all(|word| word.chars().count() <= 60)
        }
        PieceKind::Doc => !text.trim_start_matches(['/', '!', ' ']).starts_with('|'),
        PieceKind::Ident | PieceKind::Comment | PieceKind::Other => true,
    }
}
