//! Imports point from a higher level to a lower one: the table in the crate's
//! documentation, held against the code.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

/// The modules, lowest level first.
const LEVELS: [&[&str]; 12] = [
    &["error", "limits"],
    &["scan", "json", "paths"],
    &["inflate", "buffer"],
    &["records"],
    &["fields"],
    &["picker"],
    &["rule"],
    &["pipeline"],
    &["alert"],
    &["handler"],
    &["aws"],
    &["lambda", "cli"],
];

/// Where the names come from that the crate's root re-exports.
const ROOT_NAMES: [(&str, &str); 15] = [
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Expected", "error"),
    ("Scalar", "json"),
    ("Limits", "limits"),
    ("PathTree", "paths"),
    ("Slot", "paths"),
    ("Counts", "pipeline"),
    ("Match", "pipeline"),
    ("Pipeline", "pipeline"),
    ("Sink", "pipeline"),
    ("Step", "pipeline"),
    ("Layout", "records"),
    ("RuleSet", "rule"),
    // Only tests have it.
    ("testing", "error"),
];

fn level(module: &str) -> usize {
    let module = ROOT_NAMES.iter().find(|(name, _)| *name == module).map_or(module, |(_, module)| module);
    LEVELS.iter().position(|level| level.contains(&module)).unwrap_or_else(|| panic!("{module} has no level"))
}

/// The first names behind each `crate::` in a file, also in braces; comments
/// may point anywhere.
fn imports(text: &str) -> Vec<String> {
    let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
        let braces = rest.starts_with('{');
        for part in list.split(',').take(if braces { usize::MAX } else { 1 }) {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                names.push(name);
            }
        }
    }
    names
}

fn check(path: &Path, own: &str, seen: &mut usize) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| check(&entry.unwrap().path(), own, seen));
        return;
    }
    for name in imports(&fs::read_to_string(path).unwrap()) {
        *seen += 1;
        let same = name == own;
        assert!(same || level(&name) < level(own), "{}: {own} imports {name}", path.display());
    }
}

#[test]
fn imports_point_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for own in LEVELS.iter().copied().flatten() {
        for path in [src.join(own), src.join(format!("{own}.rs"))] {
            if path.exists() {
                check(&path, own, &mut seen);
            }
        }
    }
    assert!(seen > 50, "only {seen} imports were found");
}
