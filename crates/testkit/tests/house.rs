//! Whether the house is in order: what the guide asks of every file, and what the documents say of the code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, with helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most lines of a source file, tests included.
const LONGEST_FILE: usize = 500;

/// Most lines of ARCHITECTURE.md.
const LONGEST_ARCHITECTURE: usize = 300;

/// Folders that hold what is built and not what is written.
const BUILT: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];

/// Tables of a Cargo.toml that name dependencies.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn root() -> PathBuf {
    Path::new("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder, sorted, without what is built.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && BUILT.iter().all(|built| name != *built) {
                waiting.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// The files under version control; without one, all that are there.
fn tracked() -> Vec<PathBuf> {
    let root = root();
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output();
    match listed {
        Ok(listed) if listed.status.success() => {
            let names = String::from_utf8(listed.stdout).unwrap();
            let paths = names.split('\0').filter(|name| !name.is_empty()).map(|name| root.join(name));
            paths.filter(|path| path.is_file()).collect()
        }
        Ok(_) | Err(_) => files(&root),
    }
}

/// The folders of the crates, by name.
fn crates() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|folder| folder.join("Cargo.toml").exists()).collect();
    folders.sort();
    assert!(folders.len() > 10, "the crates are not where they were");
    folders
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = files(&root().join("crates"));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found
}

fn manifest(folder: &Path) -> toml::Table {
    read(&folder.join("Cargo.toml")).parse().unwrap()
}

/// Fails with every place that breaks a rule, not with the first.
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// The paths that break a rule, as a person would write them.
fn breaking(paths: Vec<PathBuf>, breaks: impl Fn(&Path) -> bool) -> Vec<String> {
    let root = root();
    let broken = paths.iter().filter(|path| breaks(path));
    broken.map(|path| path.strip_prefix(&root).unwrap().display().to_string()).collect()
}

#[test]
fn every_source_file_begins_with_what_it_answers() {
    let silent = breaking(rust_files(), |path| !read(path).starts_with("//! "));
    assert_none("the first line is a `//!` sentence", &silent);
}

#[test]
fn no_source_file_is_longer_than_one_can_read() {
    let long = breaking(rust_files(), |path| read(path).lines().count() > LONGEST_FILE);
    assert_none(&format!("a source file has at most {LONGEST_FILE} lines"), &long);
}

#[test]
fn a_module_is_named_after_what_it_is() {
    let nameless = breaking(rust_files(), |path| path.ends_with("mod.rs"));
    assert_none("write foo.rs beside foo/, not foo/mod.rs", &nameless);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let lax = breaking(crates(), |folder| {
        let manifest = manifest(folder);
        let shared = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        shared.and_then(toml::Value::as_bool) != Some(true)
    });
    assert_none("Cargo.toml has [lints] workspace = true", &lax);
}

#[test]
fn every_version_is_named_once_in_the_workspace() {
    let own = breaking(crates(), |folder| !own_versions(&manifest(folder)).is_empty());
    assert_none("a dependency is written `x.workspace = true`", &own);
}

/// The dependencies that a manifest does not take from the workspace, those of a target included.
fn own_versions(manifest: &toml::Table) -> Vec<&String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values()).filter_map(toml::Value::as_table);
    let tables = std::iter::once(manifest).chain(targets);
    let tables = tables.flat_map(|table| DEPENDENCIES.iter().filter_map(|kind| table.get(*kind)));
    let named = tables.filter_map(toml::Value::as_table).flatten();
    let own =
        named.filter(|(_, wanted)| wanted.get("workspace").and_then(toml::Value::as_bool) != Some(true));
    own.map(|(name, _)| name).collect()
}

#[test]
fn every_crate_says_what_it_never_does() {
    let silent = breaking(crates(), |folder| {
        let library = folder.join("src/lib.rs");
        let entry = if library.exists() { library } else { folder.join("src/main.rs") };
        let text = read(&entry);
        let header = text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join(" ");
        !header.contains("never")
    });
    assert_none("the header of the crate says what it never does", &silent);
}

#[test]
fn every_crate_has_its_layer_in_deny_toml() {
    let deny: toml::Table = read(&root().join("deny.toml")).parse().unwrap();
    let banned = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(toml::Value::as_array).unwrap();
    let named = banned.iter().filter_map(|ban| ban.get("crate")?.as_str()?.strip_prefix("sekisho-"));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let there: BTreeSet<String> = crates().iter().map(|folder| name(folder)).collect();
    assert_eq!(named, there);
}

#[test]
fn a_crate_is_named_after_its_folder() {
    let misnamed = breaking(crates(), |folder| {
        let manifest = manifest(folder);
        let package = manifest.get("package").and_then(|package| package.get("name"));
        package.and_then(toml::Value::as_str) != Some(&format!("sekisho-{}", name(folder)))
    });
    assert_none("the crate in crates/x is sekisho-x", &misnamed);
}

#[test]
fn the_code_map_names_every_crate_and_stays_short() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let missing = breaking(crates(), |folder| !text.contains(&format!("`crates/{}`", name(folder))));
    assert_none("ARCHITECTURE.md names every crate", &missing);
    let lines = text.lines().count();
    assert!(
        lines <= LONGEST_ARCHITECTURE,
        "ARCHITECTURE.md has {lines} lines, {LONGEST_ARCHITECTURE} at most"
    );
}

/// What stands in backticks and looks like a path of this repository, or of a crate.
fn named_paths(text: &str) -> BTreeSet<PathBuf> {
    let tops = [".ci", "crates", "deploy", "docs", "policies", "proto", "sandbox", "tests"];
    let there = crates();
    let path = |word: &str| {
        let (first, _) = word.split_once('/')?;
        if word.contains(['*', ' ', '…', '\n', ':']) {
            None
        } else if tops.contains(&first) {
            Some(PathBuf::from(word))
        } else {
            there.iter().any(|folder| name(folder) == first).then(|| Path::new("crates").join(word))
        }
    };
    text.split('`').skip(1).step_by(2).filter_map(path).collect()
}

#[test]
fn documents_name_only_files_that_are_there() {
    let root = root();
    let mut documents = tracked();
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut missing = Vec::new();
    for document in documents {
        let paths = named_paths(&read(&document));
        let gone = paths.into_iter().filter(|path| !root.join(path).exists());
        let document = document.strip_prefix(&root).unwrap().display();
        missing.extend(gone.map(|path| format!("{document} names {}", path.display())));
    }
    assert_none("a path in a document exists", &missing);
}

/// The tests that the page of threats names, as file and name.
fn named_tests(text: &str) -> Vec<(String, String)> {
    let words = text.split('`').skip(1).step_by(2);
    let pairs = words.filter_map(|word| word.split_once("::"));
    let tests = pairs.filter(|(file, _)| file.ends_with(".rs"));
    tests.map(|(file, name)| (file.to_owned(), name.to_owned())).collect()
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let mut named = 0;
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "docs/threats.md"] {
        for (file, test) in named_tests(&read(&root().join(document))) {
            named += 1;
            let source = root().join("crates").join(&file);
            let there = source.exists() && read(&source).contains(&format!("fn {test}("));
            if !there {
                missing.push(format!("{document}: {file}::{test}"));
            }
        }
    }
    assert!(named > 30, "the documents name {named} tests");
    assert_none("a test that a document names exists", &missing);
}

#[test]
fn the_state_diagram_is_the_one_of_the_state_machine() {
    let text = read(&root().join("docs/job-states.md"));
    let drawn = text.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(drawn, Some(sekisho_release::diagram().as_str()));
}

#[test]
fn no_file_names_a_machine() {
    // In two parts each, so that this file is none of them.
    let homes = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];
    let registries = [concat!("arti", "factory"), concat!("crates.io:", "443"), concat!("pypi", "server")];
    let naming = breaking(tracked(), |path| {
        // Data files are not text.
        let Ok(text) = fs::read_to_string(path) else { return false };
        homes.iter().any(|home| begins_a_path(&text, home))
            || registries.iter().any(|host| text.contains(host))
    });
    assert_none("no path or host of somebody's machine", &naming);
}

/// Whether `text` holds a path that begins like this: one that goes on from a name is another path.
fn begins_a_path(text: &str, home: &str) -> bool {
    text.match_indices(home).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|sign| sign.is_alphanumeric() || "._-~/*}".contains(sign))
    })
}

#[test]
fn everything_comes_from_one_registry() {
    let lock: toml::Table = read(&root().join("Cargo.lock")).parse().unwrap();
    let packages = lock.get("package").and_then(toml::Value::as_array).unwrap();
    let sources: BTreeSet<&str> =
        packages.iter().filter_map(|package| package.get("source")?.as_str()).collect();
    assert_eq!(sources, BTreeSet::from(["registry+https://github.com/rust-lang/crates.io-index"]));
}
