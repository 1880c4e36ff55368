//! The demonstration's datasets and projects: part of the program, taken in by the real ingest.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sekisho_model::{Hold, People, Project, SnapshotPin, Stricter, TableGrant};
use sekisho_vault::{IngestOptions, Manifest, Vault};

use crate::State;
use crate::files::{Readers, make_private_folder, replace};
use crate::say::say;

/// A file of the demonstration data, by its path.
macro_rules! files {
    ($dataset:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../tests/data/", $dataset, "/", $name)).as_slice())),*]
    };
}

type Files = &'static [(&'static str, &'static [u8])];

const DATASETS: &[(&str, Files)] = &[
    ("nafld", files!("nafld": "manifest.toml", "patients.csv.gz", "labs.csv.gz", "events.csv.gz")),
    (
        "ward",
        files!("ward": "manifest.toml", "patients.csv.gz", "diagnoses.csv.gz", "lab_results.csv.gz", "claims.csv.gz",
            "prescriptions.csv.gz", "icd10.csv.gz"),
    ),
];

const PROJECTS: &[(&str, &str)] = &[
    ("nafld", include_str!("../../../../policies/projects/nafld.toml")),
    ("nafld-review", include_str!("../../../../policies/projects/nafld-review.toml")),
    ("ward", include_str!("../../../../policies/projects/ward.toml")),
    ("ward-2", include_str!("../../../../policies/projects/ward-2.toml")),
];

/// The person for whom a project over an own dataset is made.
const ANALYST: &str = "analyst";

/// Takes in what is not there yet: the demonstration datasets, and the user's own.
pub(super) async fn take_in(state: &State, own: &[PathBuf]) -> Result<()> {
    let vault = state.vault()?;
    make_private_folder(&state.path("projects"))?;
    for (name, text) in PROJECTS {
        replace(&state.path("projects").join(format!("{name}.toml")), text.as_bytes(), Readers::All)?;
    }
    // A run that was killed may have left files in the clear.
    let incoming = state.path("incoming");
    if incoming.exists() {
        fs::remove_dir_all(&incoming).with_context(|| format!("remove {}", incoming.display()))?;
    }
    for (name, files) in DATASETS {
        if vault.snapshots(&name.parse()?).await?.is_empty() {
            let folder = incoming.join(name);
            make_private_folder(&folder)?;
            for (file, content) in *files {
                replace(&folder.join(file), content, Readers::Owner)?;
            }
            ingest(&vault, &folder.join("manifest.toml")).await?;
            // The vault keeps the data; the files in the clear go.
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
    }
    for path in own {
        let manifest = ingest(&vault, path).await?;
        let project = own_project(&manifest)?;
        let text = sekisho_authz::render(&project)
            .map_err(|reason| anyhow::anyhow!("describe the project: {reason}"))?;
        replace(&state.path("projects").join(format!("{}.toml", project.id)), text.as_bytes(), Readers::All)?;
    }
    Ok(())
}

async fn ingest(vault: &Vault, path: &Path) -> Result<Manifest> {
    let manifest = Manifest::read(path)?;
    let taken = vault.ingest(&manifest, &IngestOptions::default()).await?;
    let rows: u64 = taken.rows.iter().map(|(_, rows)| *rows).sum();
    say(&format!("took in {}: {} people, {rows} rows", taken.snapshot, taken.people));
    Ok(manifest)
}

fn own_project(manifest: &Manifest) -> Result<Project> {
    let dataset = manifest.catalogue();
    let grant = |table: &sekisho_model::Table| TableGrant { table: table.name.clone(), columns: None };
    Ok(Project {
        id: dataset.id.as_str().parse()?,
        title: dataset.title.clone(),
        people: vec![People { subject: Some(ANALYST.to_owned()), organisation: None }],
        dataset: dataset.id.clone(),
        snapshot: SnapshotPin::Latest,
        tables: dataset.tables.iter().map(grant).collect(),
        profile: "japan-rwd".to_owned(),
        stricter: Stricter::default(),
        answers: None,
        hold: Hold::ByRule,
    })
}
