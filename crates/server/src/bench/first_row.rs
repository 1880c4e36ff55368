//! How long an analyst waits for the first row: a simple analysis of a small dataset, through the real
//! client over TLS, from the call to the row in hand.
//!
//! On the way are the checks of the token and of the project, the plan, the run, the checkpoint, and each
//! entry in the log and move of the job that is durable before the next begins.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sekisho_client::{Client, Document, Profile};
use serde_json::json;

use super::report::{median, shown};
use super::{Bench, Format};
use crate::demo::{self, Demo};

/// The project of the demonstration in which is asked.
const PROJECT: &str = "nafld";

/// What is asked.
const SQL: &str = "SELECT male, COUNT(*) AS n, AVG(bmi) AS mean_bmi FROM patients GROUP BY male";

/// Times that it is asked before the clock counts.
const WARM: usize = 3;

/// Starts a demonstration server below `root`, asks, and answers the report.
pub(super) async fn run(bench: &Bench, root: PathBuf) -> Result<String> {
    let listen = ([127, 0, 0, 1], 0).into();
    let demo = Demo { state: Some(root), listen, datasets: Vec::new(), no_examples: true, once: true };
    let (state, running) = demo::start(&demo).await?;
    let profile = Profile::load(&Profile::path_in_state(&state.path(""), "analyst"))
        .context("the analyst's profile")?;
    let waited = wait(&profile, bench.repeats.get()).await;
    running.stop().await?;
    let seconds: Vec<f64> = waited?.iter().map(Duration::as_secs_f64).collect();
    let middle = median(seconds.iter().copied());
    let worst = seconds.iter().copied().reduce(f64::max);
    let best = seconds.iter().copied().reduce(f64::min);
    Ok(match bench.format {
        Format::Json => json!({
            "sql": SQL,
            "repeats": seconds.len(),
            "first_row_s": middle,
            "fastest_s": best,
            "slowest_s": worst,
        })
        .to_string(),
        Format::Table => format!(
            "{SQL}\nseconds to the first row, of {}: median {}, fastest {}, slowest {}",
            seconds.len(),
            shown(middle, 4),
            shown(best, 4),
            shown(worst, 4)
        ),
    })
}

/// How long each of the repeats took, on one connection.
async fn wait(profile: &Profile, repeats: usize) -> Result<Vec<Duration>> {
    let client = Client::connect(profile).await.context("connect as the analyst")?;
    let mut waited = Vec::new();
    for repeat in 0..WARM.saturating_add(repeats) {
        let began = Instant::now();
        let outcome = client.sql(PROJECT, SQL).await.with_context(|| format!("ask project {PROJECT}"))?;
        let document = Document::of_outcome(&outcome)?;
        ensure!(!document.rows.is_empty(), "the answer has no row");
        if repeat >= WARM {
            waited.push(began.elapsed());
        }
    }
    Ok(waited)
}
