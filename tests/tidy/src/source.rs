//! A file's text, and what the Rust parser reads from it.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use crate::{Rule, Violation};

/// A file of the repository.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path below the root, with `/` between segments.
    pub path: String,
    /// Content.
    pub text: String,
}

impl Source {
    /// Makes a source of a path and a text.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Returns `true` for Rust.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Returns `true` for a file that only tests use.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }

    /// Builds a violation at a line of this file.
    #[must_use]
    pub fn violation(&self, line: usize, rule: Rule, remedy: impl Into<String>) -> Violation {
        Violation { file: self.path.clone(), line, rule, remedy: remedy.into() }
    }
}

/// Kind of a piece of Rust source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// An identifier or keyword.
    Ident,
    /// A literal.
    Literal,
    /// One line of a comment.
    Comment,
    /// One line of a doc comment.
    Doc,
    /// Anything else.
    Other,
}

/// A piece of Rust source with its place.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Kind.
    pub kind: PieceKind,
    /// Bytes of the file.
    pub range: Range<usize>,
    /// Line, counted from 1.
    pub line: usize,
}

/// A parsed Rust file.
pub struct RustSource<'a> {
    /// File.
    pub file: &'a Source,
    /// Items.
    pub syntax: syn::File,
    /// Token trees.
    pub tokens: TokenStream,
    /// Tokens and comment lines, in order.
    pub pieces: Vec<Piece>,
}

impl<'a> RustSource<'a> {
    /// Parses a file.
    ///
    /// # Errors
    /// A violation of [`Rule::Syntax`] if the file is not valid Rust.
    pub fn parse(file: &'a Source) -> Result<Self, Violation> {
        let unreadable = |line, error: &dyn std::fmt::Display| {
            file.violation(line, Rule::Syntax, format!("not readable: {error}"))
        };
        let tokens: TokenStream = file.text.parse().map_err(|error: proc_macro2::LexError| {
            unreadable(error.span().start().line, &error)
        })?;
        let syntax = syn::parse2(tokens.clone())
            .map_err(|error| unreadable(error.span().start().line, &error))?;
        let mut reader = Reader::new(&file.text);
        reader.read(tokens.clone());
        reader.fill_gap(file.text.len());
        Ok(Self { file, syntax, tokens, pieces: reader.pieces })
    }

    /// Text of a piece.
    #[must_use]
    pub fn text(&self, piece: &Piece) -> &'a str {
        &self.file.text[piece.range.clone()]
    }
}

/// Collects pieces. The tokenizer drops comments, so they are read from the gaps between tokens.
struct Reader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    end: usize,
    pieces: Vec<Piece>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, end: 0, pieces: Vec::new() }
    }

    fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    fn read(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => {
                    let open = group.span_open().byte_range();
                    if self.is_doc(&open) {
                        continue;
                    }
                    self.push(PieceKind::Other, open);
                    self.read(group.stream());
                    self.push(PieceKind::Other, group.span_close().byte_range());
                }
                TokenTree::Ident(ident) => self.push(PieceKind::Ident, ident.span().byte_range()),
                TokenTree::Literal(it) => self.push(PieceKind::Literal, it.span().byte_range()),
                TokenTree::Punct(punct) => {
                    let range = punct.span().byte_range();
                    if self.is_doc(&range) {
                        self.push_doc(range);
                    } else {
                        self.push(PieceKind::Other, range);
                    }
                }
            }
        }
    }

    /// Returns `true` for a token of the attribute that a doc comment becomes.
    fn is_doc(&self, range: &Range<usize>) -> bool {
        let text = &self.text[range.clone()];
        text.starts_with("//") || text.starts_with("/*")
    }

    fn push(&mut self, kind: PieceKind, range: Range<usize>) {
        // A group without delimiters, as macros make them, has an empty place.
        if range.is_empty() || range.start < self.end {
            return;
        }
        self.fill_gap(range.start);
        let line = self.line(range.start);
        self.end = range.end;
        self.pieces.push(Piece { kind, range, line });
    }

    fn push_doc(&mut self, range: Range<usize>) {
        if range.start < self.end {
            return;
        }
        self.fill_gap(range.start);
        self.push_lines(PieceKind::Doc, range.clone());
        self.end = range.end;
    }

    fn fill_gap(&mut self, start: usize) {
        if self.end < start {
            self.push_lines(PieceKind::Comment, self.end..start);
        }
    }

    fn push_lines(&mut self, kind: PieceKind, range: Range<usize>) {
        let mut start = range.start;
        for line in self.text[range].split_inclusive('\n') {
            let begin = start + (line.len() - line.trim_start().len());
            let length = line.trim().len();
            if length > 0 {
                let number = self.line(begin);
                self.pieces.push(Piece { kind, range: begin..begin + length, line: number });
            }
            start += line.len();
        }
    }
}
