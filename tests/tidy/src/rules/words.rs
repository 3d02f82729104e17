//! Retired words: gone from identifiers, comments, strings and documents.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::source::{PieceKind, RustSource, Source};
use crate::{Rule, Violation};

/// The table of retired words, for people and for this rule.
const TABLE: &str = include_str!("../../../../docs/RETIRED-WORDS.md");

/// Files that name retired words on purpose.
const EXEMPT: [&str; 2] = ["docs/RETIRED-WORDS.md", "tests/tidy/tests/it/rules.rs"];

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::read(TABLE));

/// Text that a word is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Code,
    Prose,
    Both,
}

/// A retired word or phrase.
#[derive(Debug)]
struct Retired {
    words: Vec<String>,
    scope: Scope,
    instead: String,
}

/// The table, as this rule reads it.
#[derive(Debug, Default)]
struct Words {
    /// Retired words and phrases by their first word.
    retired: HashMap<String, Vec<Retired>>,
    /// Texts in which a retired word may occur, in lower case.
    allowed: Vec<String>,
}

impl Words {
    /// Reads rows of three columns as retired words, and rows of two as allowed uses.
    fn read(table: &str) -> Self {
        let mut words = Self::default();
        for line in table.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let entries = cells[0].split(", ").map(|entry| entry.trim_matches('`').to_lowercase());
            match cells[..] {
                [_, scope, instead] => {
                    let scope = match scope {
                        "code" => Scope::Code,
                        "prose" => Scope::Prose,
                        _ => Scope::Both,
                    };
                    for entry in entries {
                        let entry: Vec<_> = entry.split(' ').map(str::to_owned).collect();
                        let first = words.retired.entry(entry[0].clone()).or_default();
                        first.push(Retired { words: entry, scope, instead: instead.to_owned() });
                    }
                }
                _ => words.allowed.extend(entries),
            }
        }
        words
    }

    /// Finds retired words among the words of a line.
    fn find(&self, line: &str, words: &[(Range<usize>, String)], scope: Scope) -> Vec<&Retired> {
        let mut found = Vec::new();
        for (index, (place, word)) in words.iter().enumerate() {
            for retired in self.retired.get(word).into_iter().flatten() {
                let is_meant = retired.scope == scope || retired.scope == Scope::Both;
                let following = words[index..].iter().map(|(_, word)| word);
                if is_meant
                    && following.take(retired.words.len()).eq(&retired.words)
                    && !self.is_allowed(&line.to_ascii_lowercase(), place)
                {
                    found.push(retired);
                }
            }
        }
        found
    }

    fn is_allowed(&self, line: &str, place: &Range<usize>) -> bool {
        self.allowed.iter().any(|allowed| {
            line.match_indices(allowed.as_str())
                .any(|(at, text)| at <= place.start && place.end <= at + text.len())
        })
    }
}

/// Splits a text into words of letters and digits. A camel hump begins a word if asked for.
fn split(text: &str, offset: usize, humps: bool) -> Vec<(Range<usize>, String)> {
    let mut words: Vec<(Range<usize>, String)> = Vec::new();
    let mut previous: Option<char> = None;
    for (at, letter) in text.char_indices() {
        let is_word = letter.is_alphanumeric();
        let is_hump = humps
            && letter.is_uppercase()
            && (previous.is_some_and(char::is_lowercase) || starts_hump(text, at));
        if is_word {
            let end = offset + at + letter.len_utf8();
            match words.last_mut() {
                Some((range, word)) if previous.is_some() && !is_hump => {
                    range.end = end;
                    word.extend(letter.to_lowercase());
                }
                _ => words.push((offset + at..end, letter.to_lowercase().collect())),
            }
        }
        previous = is_word.then_some(letter);
    }
    words
}

/// Returns `true` for the last capital of several, as the `C` in `HTTPCall`.
fn starts_hump(text: &str, at: usize) -> bool {
    text[at..].chars().nth(1).is_some_and(char::is_lowercase)
}

/// Finds identifiers in prose: words with an underscore or a hump, such as `next_sync_at`.
fn identifiers(text: &str) -> Vec<(usize, &str)> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    let mut rest = 0;
    for word in text.split(|letter| !is_part(letter)) {
        let inner = word.trim_matches('_');
        let has_hump =
            word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
        if inner.contains('_') || has_hump {
            found.push((rest, word));
        }
        rest += word.len();
        rest += text[rest..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

/// Returns `true` for a literal that is one plain code, such as the name of an attribute.
fn is_code(literal: &str) -> bool {
    let text = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.is_some_and(|text| {
        text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

/// Finds retired words in Rust.
#[must_use]
pub fn check_rust(rust: &RustSource<'_>) -> Vec<Violation> {
    let lines: Vec<_> = rust.file.text.lines().collect();
    let mut found = Vec::new();
    if EXEMPT.contains(&rust.file.path.as_str()) {
        return found;
    }
    for piece in &rust.pieces {
        let text = rust.text(piece);
        match piece.kind {
            PieceKind::Ident => {
                let line = lines[piece.line - 1];
                let start = piece.range.start - offset_of(&rust.file.text, piece.range.start);
                let words = split(text, start, true);
                report(rust.file, piece.line, WORDS.find(line, &words, Scope::Code), &mut found);
            }
            PieceKind::Literal if text.contains('"') => {
                for (index, line) in text.split('\n').enumerate() {
                    let number = piece.line + index;
                    if is_code(line) {
                        let words = split(line, 0, true);
                        let retired = WORDS.find(line, &words, Scope::Code);
                        report(rust.file, number, retired, &mut found);
                    }
                    check_prose(rust.file, number, line, &mut found);
                }
            }
            PieceKind::Comment | PieceKind::Doc => {
                check_prose(rust.file, piece.line, text, &mut found);
            }
            PieceKind::Literal | PieceKind::Other => {}
        }
    }
    found
}

/// Finds retired words in any other text.
#[must_use]
pub fn check_text(file: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    if !EXEMPT.contains(&file.path.as_str()) {
        for (index, line) in file.text.lines().enumerate() {
            check_prose(file, index + 1, line, &mut found);
        }
    }
    found
}

fn check_prose(file: &Source, number: usize, line: &str, found: &mut Vec<Violation>) {
    report(file, number, WORDS.find(line, &split(line, 0, false), Scope::Prose), found);
    for (offset, name) in identifiers(line) {
        let words = split(name, offset, true);
        report(file, number, WORDS.find(line, &words, Scope::Code), found);
    }
}

fn report(file: &Source, line: usize, retired: Vec<&Retired>, found: &mut Vec<Violation>) {
    found.extend(retired.into_iter().map(|retired| {
        let remedy = format!("retired \"{}\": say {}", retired.words.join(" "), retired.instead);
        file.violation(line, Rule::RetiredWord, remedy)
    }));
}

/// Offset of the line that a byte is in.
fn offset_of(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}
