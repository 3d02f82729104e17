//! Imports between the top-level modules of a crate: they form no circle.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::source::{RustSource, Source};
use crate::{Rule, Violation};

/// Folders whose crates are checked.
const CHECKED: [&str; 3] = ["shared", "functions", "infra"];

/// Module of the crate's own file.
const ROOT: &str = "lib";

/// One import from one top-level module of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: String,
    to: String,
    file: String,
    line: usize,
}

/// Finds imports that close a circle.
#[must_use]
pub fn check(files: &[RustSource<'_>]) -> Vec<Violation> {
    let mut crates: BTreeMap<&str, Vec<(&RustSource<'_>, Vec<String>)>> = BTreeMap::new();
    for rust in files {
        if let Some((folder, module)) = place(rust.file)
            && folder.split('/').next().is_some_and(|top| CHECKED.contains(&top))
        {
            crates.entry(folder).or_default().push((rust, module));
        }
    }
    crates.values().flat_map(|files| check_crate(files)).collect()
}

/// Splits a path into the folder of its crate and its module path.
fn place(file: &Source) -> Option<(&str, Vec<String>)> {
    let (folder, below) = file.path.split_once("/src/")?;
    let mut module: Vec<_> = below.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    match module.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A program uses its library, or is one file.
        ["main"] | ["bin", ..] => return None,
        ["lib"] => module.clear(),
        [.., "mod"] => {
            module.pop();
        }
        _ => {}
    }
    Some((folder, module))
}

fn check_crate(files: &[(&RustSource<'_>, Vec<String>)]) -> Vec<Violation> {
    let names = Names::of(files);
    let mut imports = BTreeMap::new();
    for (rust, module) in files {
        let mut reader =
            Reader { file: rust.file, names: &names, module: module.clone(), imports: Vec::new() };
        reader.visit_file(&rust.syntax);
        for import in reader.imports {
            imports.entry((import.from.clone(), import.to.clone())).or_insert(import);
        }
    }
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in imports.keys() {
        uses.entry(from).or_default().insert(to);
    }
    imports
        .values()
        .filter_map(|import| {
            let way = way_back(&uses, &import.to, &import.from)?;
            let circle = way.join(" -> ");
            Some(Violation {
                file: import.file.clone(),
                line: import.line,
                rule: Rule::Circle,
                remedy: format!(
                    "{} -> {circle}: move what both need into a module below",
                    import.from
                ),
            })
        })
        .collect()
}

/// Finds the shortest chain of imports between two modules.
fn way_back<'a>(
    uses: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &'a str,
    to: &str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way[way.len() - 1];
            if last == to {
                return Some(way);
            }
            for next in uses.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    longer.push(way.iter().copied().chain([*next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

/// Names that the crate's own file gives.
#[derive(Default)]
struct Names {
    modules: BTreeSet<String>,
    /// Re-exported names with their modules.
    exports: BTreeMap<String, String>,
    /// Set if a module is re-exported whole: not every name is known then.
    has_glob: bool,
}

impl Names {
    fn of(files: &[(&RustSource<'_>, Vec<String>)]) -> Self {
        let modules = files.iter().filter_map(|(_, module)| module.first().cloned()).collect();
        let mut names = Self { modules, ..Self::default() };
        let root = files.iter().find(|(_, module)| module.is_empty());
        for item in root.iter().flat_map(|(rust, _)| &rust.syntax.items) {
            if let syn::Item::Use(item) = item
                && !matches!(item.vis, syn::Visibility::Inherited)
            {
                for (path, name) in used_paths(&item.tree) {
                    let first = path.iter().find(|part| *part != "crate" && *part != "self");
                    match first.filter(|first| names.modules.contains(*first)) {
                        Some(_) if name == "*" => names.has_glob = true,
                        Some(module) => {
                            names.exports.insert(name, module.clone());
                        }
                        None => {}
                    }
                }
            }
        }
        names
    }

    /// Top-level module of an absolute path, or `None` if that is not known.
    fn module_of(&self, path: &[String]) -> Option<String> {
        let Some(first) = path.first() else {
            return Some(ROOT.to_owned());
        };
        if self.modules.contains(first) {
            return Some(first.clone());
        }
        match self.exports.get(first) {
            Some(module) => Some(module.clone()),
            None if self.has_glob => None,
            None => Some(ROOT.to_owned()),
        }
    }
}

/// Flattens a `use` into its paths, each with the name that it gives.
fn used_paths(tree: &syn::UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        syn::UseTree::Path(path) => used_paths(&path.tree)
            .into_iter()
            .map(|(mut rest, name)| {
                rest.insert(0, path.ident.to_string());
                (rest, name)
            })
            .collect(),
        syn::UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        syn::UseTree::Rename(name) => {
            vec![(vec![name.ident.to_string()], name.rename.to_string())]
        }
        syn::UseTree::Glob(_) => vec![(Vec::new(), "*".to_owned())],
        syn::UseTree::Group(group) => group.items.iter().flat_map(used_paths).collect(),
    }
}

struct Reader<'a> {
    file: &'a Source,
    names: &'a Names,
    module: Vec<String>,
    imports: Vec<Import>,
}

impl Reader<'_> {
    fn add(&mut self, path: &[String], line: usize) {
        let from = self.module.first().map_or(ROOT, String::as_str).to_owned();
        if let Some(to) = self.absolute(path).and_then(|path| self.names.module_of(&path))
            && to != from
        {
            self.imports.push(Import { from, to, file: self.file.path.clone(), line });
        }
    }

    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let depth = self.module.len().checked_sub(ups)?;
                Some([&self.module[..depth], &path[ups..]].concat())
            }
            // The crate's own file names its modules directly.
            name if self.module.is_empty() && self.names.modules.contains(name) => {
                Some(path.to_vec())
            }
            _ => None,
        }
    }

    /// Reads the paths in the arguments of a macro, which are not parsed.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add(&std::mem::take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add(&std::mem::take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.add(&path, line);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !super::is_for_tests(&module.attrs) {
            self.module.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A re-export in the crate's own file is a name for others, not a need.
        let is_export = !matches!(item.vis, syn::Visibility::Inherited);
        if !(self.module.is_empty() && is_export) {
            for (path, _) in used_paths(&item.tree) {
                self.add(&path, item.use_token.span.start().line);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.add(&parts, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.read_tokens(call.tokens.clone());
    }
}
