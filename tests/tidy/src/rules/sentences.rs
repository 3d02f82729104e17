//! Sentences that people read: they live in the view of the pages.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::source::{RustSource, Source};
use crate::{Rule, Violation};

/// Fewest words of a sentence.
const WORDS: usize = 4;

/// Macros whose text goes to logs or panics.
const FOR_OPERATORS: [&str; 13] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "panic",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
];

/// Finds sentences in string literals outside of the view.
#[must_use]
pub fn check(rust: &RustSource<'_>) -> Vec<Violation> {
    if !is_checked(rust.file) {
        return Vec::new();
    }
    let mut finder = Finder { file: rust.file, found: Vec::new() };
    finder.visit_file(&rust.syntax);
    finder.found
}

fn is_checked(file: &Source) -> bool {
    let path = file.path.as_str();
    let is_page =
        path.starts_with("functions/oauth/src/") && !path.starts_with("functions/oauth/src/view/");
    let is_engine =
        path.starts_with("shared/engine/src/") && !path.starts_with("shared/engine/src/phrases/");
    is_page || is_engine
}

/// Returns `true` for a text with a capital letter, four words and a final mark.
fn is_sentence(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(char::is_uppercase)
        && text.ends_with(['.', '?', '!'])
        && text.split_whitespace().count() >= WORDS
}

struct Finder<'a> {
    file: &'a Source,
    found: Vec<Violation>,
}

impl Finder<'_> {
    fn judge(&mut self, literal: &syn::LitStr) {
        if is_sentence(&literal.value()) {
            self.found.push(self.file.violation(
                literal.span().start().line,
                Rule::Sentence,
                "sentence outside of the view: return a code and values, and word it there",
            ));
        }
    }

    fn judge_tokens(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.judge_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.judge(&text);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    // Attributes hold documentation, reasons, and the texts of errors.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.judge(literal);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string());
        if !name.is_some_and(|name| FOR_OPERATORS.contains(&name.as_str())) {
            self.judge_tokens(call.tokens.clone());
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !super::is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}
