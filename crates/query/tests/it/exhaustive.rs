//! A new kind of plan node, expression or join does not compile until somebody has decided about it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the engine's plans are judged and made.
const JUDGED: [&str; 5] = ["algebra", "cells", "generate", "lower", "public"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

/// The lint refuses a wildcard over an enum everywhere; here nothing is excepted from it.
#[test]
fn no_match_over_plans_has_a_wildcard() {
    let lints = fs::read_to_string("../../Cargo.toml").unwrap();
    assert!(lints.contains("wildcard_enum_match_arm = \"deny\""));
    let mut judged = 0;
    for source in sources(Path::new("src")) {
        let path = source.strip_prefix("src").unwrap();
        let first = path.iter().next().unwrap().to_str().unwrap();
        if JUDGED.contains(&first.trim_end_matches(".rs")) {
            let text = fs::read_to_string(&source).unwrap();
            assert!(!text.contains("wildcard_enum_match_arm"), "{}", path.display());
            judged += 1;
        }
    }
    assert!(judged > 20, "{judged} files: they have moved");
}
