//! Each rule with a text that breaks it and one that does not.

use tidy::Violation;
use tidy::rules::history::Commit;
use tidy::rules::{
    circles, docs, documents, history, layers, module_style, sentences, size, words,
};
use tidy::source::{RustSource, Source};

/// Applies a rule to a Rust text and returns the lines that break it.
fn lines_in(path: &str, text: &str, rule: fn(&RustSource<'_>) -> Vec<Violation>) -> Vec<usize> {
    let file = Source::new(path, text);
    let rust = RustSource::parse(&file).unwrap_or_else(|error| panic!("{error}"));
    rule(&rust).iter().map(|violation| violation.line).collect()
}

/// Applies the rule on circles to files and returns where the circle's imports are.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    let parsed: Vec<_> = files
        .iter()
        .map(|file| RustSource::parse(file).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    circles::check(&parsed).into_iter().map(|violation| violation.file).collect()
}

#[test]
fn syntax() {
    let broken = Source::new("a.rs", "fn a() {}\nfn b( {}\n");
    assert_eq!(RustSource::parse(&broken).err().unwrap().line, 2);
    assert!(RustSource::parse(&Source::new("a.rs", "fn a() {}\n")).is_ok());
}

#[test]
fn function_length() {
    let body = |lines| format!("\nfn long() {{\n{}}}\n", "    let _ = '{';\n".repeat(lines));
    assert_eq!(lines_in("a.rs", &body(69), size::check_functions), [2]);
    assert!(lines_in("a.rs", &body(68), size::check_functions).is_empty());
    // A function in a macro has a length, too.
    let in_macro = format!("wrap! {{{}}}", body(69));
    assert_eq!(lines_in("a.rs", &in_macro, size::check_functions), [2]);
}

#[test]
fn line_length() {
    let comment = |columns: usize| format!("// {}\n", "word ".repeat(columns / 5));
    assert_eq!(lines_in("a.rs", &comment(105), size::check_lines), [1]);
    assert!(lines_in("a.rs", &comment(95), size::check_lines).is_empty());
    let text = |word: &str| format!("const A: &str = \"{}\";\n", word.repeat(20));
    assert_eq!(lines_in("a.rs", &text("words "), size::check_lines), [1]);
    assert!(lines_in("a.rs", &text("longer"), size::check_lines).is_empty());
    let row = format!("//! | {} |\n", "word ".repeat(21));
    assert!(lines_in("a.rs", &row, size::check_lines).is_empty());
    let address = format!("// https://example.com/{}\n", "a".repeat(100));
    assert!(lines_in("a.rs", &address, size::check_lines).is_empty());
}

#[test]
fn file_length() {
    let file = |path, lines| size::check_file(&Source::new(path, &"\n".repeat(lines)));
    assert_eq!(file("src/a.rs", 401).unwrap().line, 401);
    assert!(file("src/a.rs", 400).is_none());
    assert!(file("tests/a.rs", 600).is_none());
    assert!(file("tests/a.rs", 601).is_some());
}

#[test]
fn readme_length() {
    let readme = |lines| size::check_file(&Source::new("README.md", &"\n".repeat(lines)));
    assert!(readme(151).is_some());
    assert!(readme(150).is_none());
}

#[test]
fn glossary_length() {
    let glossary = |entries| {
        let text = format!("| word | meaning |\n| --- | --- |\n{}", "| a | b |\n".repeat(entries));
        size::check_file(&Source::new("docs/GLOSSARY.md", &text))
    };
    assert!(glossary(41).is_some());
    assert!(glossary(40).is_none());
}

#[test]
fn circle() {
    let root = ("shared/x/src/lib.rs", "mod a;\nmod b;\npub use a::{A, deep};\n");
    let straight = [root, ("shared/x/src/a.rs", ""), ("shared/x/src/b.rs", "use crate::a::A;")];
    assert!(circles_in(&straight).is_empty());
    let circle = [
        root,
        ("shared/x/src/a/deep.rs", "fn f() { println!(\"{}\", super::super::b::B); }"),
        ("shared/x/src/b.rs", "use crate::{A, deep};"),
    ];
    assert_eq!(circles_in(&circle), ["shared/x/src/a/deep.rs", "shared/x/src/b.rs"]);
}

#[test]
fn circle_through_the_crate_file() {
    let root = ("infra/x/src/lib.rs", "mod a;\nfn f() { a::g(); }\npub fn h() {}\n");
    let user = ("infra/x/src/a.rs", "pub fn g() { crate::h(); }");
    assert_eq!(circles_in(&[root, user]), ["infra/x/src/a.rs", "infra/x/src/lib.rs"]);
    // Names for others are no need of the crate's own file.
    let names = ("infra/x/src/lib.rs", "mod a;\npub use a::g;\npub fn h() {}\n");
    assert!(circles_in(&[names, user]).is_empty());
}

#[test]
fn layer() {
    let manifest = |path, name: &str, dependency| {
        let text = format!(
            "[package]\nname = \"{name}\"\n[dependencies]\n{dependency}.workspace = true\n"
        );
        Source::new(path, &text)
    };
    let engine = manifest("shared/engine/Cargo.toml", "engine", "store");
    let store = manifest("shared/store/Cargo.toml", "store", "serde");
    assert!(layers::check(&[engine.clone(), store]).is_empty());
    let upwards = manifest("shared/store/Cargo.toml", "store", "engine");
    assert_eq!(layers::check(&[engine, upwards])[0].line, 4);
    let unknown = manifest("shared/misc/Cargo.toml", "misc", "serde");
    assert_eq!(layers::check(&[unknown]).len(), 1);
}

#[test]
fn module_style() {
    let files = |paths: [&str; 2]| module_style::check(&paths.map(|path| Source::new(path, "")));
    assert_eq!(files(["src/a.rs", "src/a/b.rs"])[0].file, "src/a.rs");
    assert!(files(["src/a/mod.rs", "src/a/b.rs"]).is_empty());
}

#[test]
fn retired_word() {
    let lines = |text| lines_in("a.rs", text, words::check_rust);
    assert_eq!(lines("\nfn next_look() {}"), [2]);
    assert_eq!(lines("struct HTTPTown;"), [1]);
    assert_eq!(lines("// The brake of\n/// a `DeskOf` it.\nstruct A;"), [1, 2]);
    assert_eq!(lines("const A: &str = \"one\n\n  officer\";"), [3]);
    assert_eq!(lines("const A: &str = \"looked\";"), [1]);
    assert!(lines("fn look_up() {}\n// Look it up: a compliance officer.").is_empty());
    assert!(lines("fn overlook(a: f64) -> f64 { a.round() }").is_empty());
    let page = |text| words::check_text(&Source::new("a.md", text)).len();
    assert_eq!(page("The ledger. Somebody's `next_look`."), 4);
    assert_eq!(page("Send a Bearer token."), 0);
    assert!(lines("fn f(a: &str) { a.strip_prefix(\"Bearer \"); }").is_empty());
}

#[test]
fn question_doc() {
    let lines = |text| lines_in("a.rs", text, docs::check);
    assert_eq!(lines("//! How.\n\n/// Whether it is.\nconst A: bool = true;"), [1, 3]);
    assert!(lines("/// Time of day\n/// When it began.\nconst A: u8 = 1;").is_empty());
    assert_eq!(lines("/// For people.\nconst A: u8 = 1;"), [1]);
}

#[test]
fn sentence() {
    let text = "fn f() -> &'static str { \"The team was not found.\" }";
    let page = "functions/oauth/src/pages/team.rs";
    assert_eq!(lines_in(page, text, sentences::check), [1]);
    assert_eq!(lines_in("shared/engine/src/a.rs", text, sentences::check), [1]);
    assert!(lines_in("functions/oauth/src/view/team.rs", text, sentences::check).is_empty());
    assert!(lines_in("shared/clients/src/a.rs", text, sentences::check).is_empty());
    let formatted = "fn f() { format!(\"The {} was not found.\", 1); }";
    assert_eq!(lines_in(page, formatted, sentences::check), [1]);
    let logged = "fn f() { warn!(event = \"lost\", \"The team was not found.\"); }";
    assert!(lines_in(page, logged, sentences::check).is_empty());
    let short = "fn f() -> &'static str { \"Not found.\" }";
    assert!(lines_in(page, short, sentences::check).is_empty());
}

#[test]
fn document() {
    let files = [
        Source::new("docs/A.md", "[b](B.md), [c](../c.rs), [x](x.md), [w](https://w.example)"),
        Source::new("docs/B.md", "1. `c.rs`: `f()`\n2. `c.rs`: `g()`\n\n`d.rs`"),
        Source::new("c.rs", "fn f() {}"),
    ];
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let found = documents::check(&files, &paths);
    let places: Vec<_> = found.iter().map(|one| (one.file.as_str(), one.line)).collect();
    assert_eq!(places, [("docs/A.md", 1), ("docs/B.md", 2), ("docs/B.md", 4)]);
}

#[test]
fn commit_subject() {
    let commit = |length| Commit { id: "abc".to_owned(), subject: "a".repeat(length) };
    assert_eq!(history::check(&[commit(72), commit(73)]).len(), 1);
}
