//! Files and commits of a working tree.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::rules::history::{BASE, Commit};
use crate::source::Source;

/// Files that rules read.
const KINDS: [&str; 12] =
    ["rs", "md", "toml", "yaml", "yml", "html", "js", "mjs", "css", "py", "sh", "txt"];

/// Folders of texts that others wrote, and of inputs that tests keep.
const FOREIGN: [&str; 2] = ["tests/specs/", "/corpora/"];

/// Files and commits that the rules are held against.
#[derive(Debug, Default)]
pub struct Repository {
    /// Text files, without generated and foreign ones.
    pub files: Vec<Source>,
    /// Paths of all files, including those that no rule reads.
    pub paths: Vec<String>,
    /// Commits since the rule on subjects holds. Empty without a `.git`.
    pub commits: Vec<Commit>,
}

impl Repository {
    /// Reads the working tree at `root`, new files included.
    ///
    /// # Errors
    /// A file or folder cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut paths: Vec<String> =
            match git(root, &["ls-files", "-z", "-co", "--exclude-standard"]) {
                Some(listing) => listing.split_terminator('\0').map(str::to_owned).collect(),
                // An unpacked archive has no index.
                None => walk(root, "")?,
            };
        // A deleted file stays in the index until it is committed.
        paths.retain(|path| root.join(path).is_file());
        let mut files = Vec::new();
        for path in paths.iter().filter(|path| is_read(path)) {
            let text = std::fs::read_to_string(root.join(path))?;
            files.push(Source { path: path.clone(), text });
        }
        Ok(Self { files, paths, commits: read_commits(root) })
    }
}

/// Returns `true` for a file that rules apply to.
fn is_read(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_known = match name.rsplit_once('.') {
        Some((_, kind)) => KINDS.contains(&kind),
        None => name == "justfile" || path == "tests/all" || path == ".ci/run",
    };
    is_known && !FOREIGN.iter().any(|folder| path.contains(folder))
}

fn read_commits(root: &Path) -> Vec<Commit> {
    let format = "--format=%h%x09%s";
    let since = format!("{BASE}..HEAD");
    // A shallow clone has no base: its newest commit is all that is known.
    let log = git(root, &["log", "--no-merges", format, &since])
        .or_else(|| git(root, &["log", "--no-merges", "-1", format]))
        .unwrap_or_default();
    log.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(id, subject)| Commit { id: id.to_owned(), subject: subject.to_owned() })
        .collect()
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    // Without this, an archive inside of another repository would be read as a part of it.
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn walk(root: &Path, below: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if !entry.file_type()?.is_dir() {
            found.push(path);
        } else if !matches!(name.as_str(), ".git" | "target" | "node_modules" | ".aws-sam") {
            found.extend(walk(root, &path)?);
        }
    }
    found.sort();
    Ok(found)
}
