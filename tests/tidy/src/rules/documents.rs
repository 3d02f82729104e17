//! Documents: their links lead somewhere, and the functions they name are where they say.

use std::path::{Component, Path, PathBuf};

use crate::source::Source;
use crate::{Rule, Violation};

/// Finds links and functions of documents that do not exist.
#[must_use]
pub fn check(files: &[Source], paths: &[String]) -> Vec<Violation> {
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    documents
        .flat_map(|file| {
            let mut found = check_links(file, paths);
            found.extend(check_functions(file, files));
            found
        })
        .collect()
}

fn check_links(file: &Source, paths: &[String]) -> Vec<Violation> {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let exists = |target: &str| {
        let path = normalize(&folder.join(target));
        paths.iter().any(|known| known == &path || known.starts_with(&format!("{path}/")))
    };
    let lines = file.text.lines().enumerate();
    let links = lines.flat_map(|(index, line)| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        targets.map(move |target| (index + 1, target))
    });
    links
        .filter(|(_, target)| !target.is_empty() && !target.contains("://"))
        .filter(|(_, target)| !exists(target))
        .map(|(line, target)| {
            file.violation(line, Rule::Document, format!("no file {target}: correct the link"))
        })
        .collect()
}

/// Resolves `.` and `..`.
fn normalize(path: &Path) -> String {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = normal.pop(),
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal.to_string_lossy().into_owned()
}

/// Checks each function, written as `` `name()` ``: a file of the same paragraph or row defines it.
fn check_functions(file: &Source, files: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, paragraph) in paragraphs(&file.text) {
        let spans: Vec<&str> = paragraph.split('`').skip(1).step_by(2).collect();
        let places: Vec<&&str> = spans.iter().filter(|span| span.ends_with(".rs")).collect();
        let mut sources = Vec::new();
        for place in places {
            let suffix = format!("/{place}");
            let mut named =
                files.iter().filter(|one| one.path == **place || one.path.ends_with(&suffix));
            match named.next() {
                Some(source) => sources.push(source),
                None => {
                    found.push(file.violation(line, Rule::Document, format!("no file {place}")))
                }
            }
        }
        for span in spans.iter().filter_map(|span| span.strip_suffix("()")) {
            let name = span.rsplit([':', '.']).next().unwrap_or(span);
            let is_defined = |source: &&Source| {
                ["(", "<"].iter().any(|end| source.text.contains(&format!("fn {name}{end}")))
            };
            if !sources.iter().any(is_defined) {
                let remedy = format!("no file of this paragraph defines {name}()");
                found.push(file.violation(line, Rule::Document, remedy));
            }
        }
    }
    found
}

/// Returns paragraphs, items of lists and rows of tables, each with its first line.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (index, line) in text.lines().enumerate() {
        let is_item = line.trim_start().split_once(". ").is_some_and(|(number, _)| {
            !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
        });
        let starts = !is_open || is_item || line.starts_with(['|', '-', '#']);
        match found.last_mut() {
            Some((_, paragraph)) if !starts => {
                paragraph.push('\n');
                paragraph.push_str(line);
            }
            _ => found.push((index + 1, line.to_owned())),
        }
        is_open = !line.trim().is_empty();
    }
    found
}
