//! Names the build: the package's version and, where there is a git, the commit.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let described = Command::new("git").args(["describe", "--always", "--tags"]).output();
    let commit = described.ok().filter(|output| output.status.success());
    match commit.and_then(|output| String::from_utf8(output.stdout).ok()) {
        Some(commit) => println!("cargo::rustc-env=SEKISHO_VERSION={version} ({})", commit.trim()),
        None => println!("cargo::rustc-env=SEKISHO_VERSION={version}"),
    }
}
