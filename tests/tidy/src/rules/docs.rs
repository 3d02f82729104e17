//! First words of doc comments.

use crate::source::{PieceKind, RustSource};
use crate::{Rule, Violation};

/// Words that begin a question or half a sentence, not a description.
const NO_DESCRIPTION: [&str; 17] = [
    "Whether", "What", "Who", "Whose", "Whom", "How", "When", "Which", "Where", "As", "At", "By",
    "For", "From", "In", "Of", "To",
];

/// Finds doc comments that begin with a question word or a preposition.
#[must_use]
pub fn check(rust: &RustSource<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut previous = None;
    for piece in rust.pieces.iter().filter(|piece| piece.kind == PieceKind::Doc) {
        let is_first = previous != Some(piece.line - 1);
        previous = Some(piece.line);
        let words = rust.text(piece).trim_start_matches(['/', '!', '*', ' ']);
        let first = words.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or(words);
        if is_first && NO_DESCRIPTION.contains(&first) {
            found.push(rust.file.violation(
                piece.line,
                Rule::QuestionDoc,
                format!("doc comment begins with \"{first}\": say what the item is or does"),
            ));
        }
    }
    found
}
