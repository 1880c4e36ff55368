//! A few jobs through the real client over TLS: one released with withheld cells, one held, one refused.
//!
//! They are released like any others, so what they show stands in the ledger of the dataset.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use sekisho_client::render::{self, Look};
use sekisho_client::{Client, Document, Profile, State as Became};

use crate::State;
use crate::say::say;

/// The jobs that the demonstration runs, in this order: a title, the project, and the SQL.
pub const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "A table is released; the cells with too few people behind them are withheld",
        "nafld",
        "SELECT male, COUNT(*) AS n, AVG(bmi) AS mean_bmi,\n       COUNT(*) FILTER (WHERE age > 95) AS over_95\n\
         FROM patients GROUP BY male ORDER BY male",
    ),
    (
        "Who the events happened to: tables of people are joined on the person",
        "nafld",
        // What is released here counts for whatever is asked afterwards: totals that everybody asks for, and no
        // part of them that would leave a small rest.
        "SELECT e.event, COUNT(*) AS events, COUNT(DISTINCT e.patient_id) AS people,\n       \
                COUNT(DISTINCT e.patient_id) FILTER (WHERE p.male = 1) AS men\n\
         FROM events e JOIN patients p ON p.patient_id = e.patient_id\n\
         GROUP BY e.event ORDER BY people DESC LIMIT 5",
    ),
    (
        "A project whose results always wait for a checker",
        "nafld-review",
        "SELECT died, COUNT(*) AS n FROM patients GROUP BY died",
    ),
    ("A list of records is refused", "nafld", "SELECT patient_id, age, weight\nFROM patients WHERE age > 90"),
];

/// Runs them as `analyst`, and prints what came back.
pub(super) async fn run(state: &State) -> Result<()> {
    let profile = Profile::load(&Profile::path_in_state(&state.path(""), "analyst"))
        .context("the analyst's profile")?;
    let client = Client::connect(&profile).await.context("connect as the analyst")?;
    let terminal = std::io::stdout().is_terminal();
    let look = Look { terminal, ..Look::plain() };
    for (title, project, sql) in EXAMPLES {
        say(&format!("\n== {title}\n\n{sql};\n"));
        let outcome = client.sql(project, sql).await.with_context(|| format!("ask project {project}"))?;
        let document = Document::of_outcome(&outcome)?;
        match &document.error {
            Some(problem) => {
                say(render::problem(problem, document.state.as_str(), Some(sql), look).trim_end());
            }
            None if document.state == Became::Released => {
                say(&render::table(&document, look));
                say(render::summary(&document).trim_end());
            }
            None => {
                say(&format!("{}: {}", document.state.as_str(), document.job.as_deref().unwrap_or_default()));
            }
        }
    }
    Ok(())
}
