//! `sekisho budget`: what a project was given of each attribute.

use sekisho_client::render::{Grid, escaped};
use sekisho_client::{Client, Result, v1};
use serde::Serialize;

use crate::args::{BudgetArgs, Connection, ListFormat};
use crate::output::Output;

/// What people are told beside the numbers.
const NOTE: &str = "used: answers that this project was given. worth: what all projects together can be given at most;\n\
                    answers to others count too, and whose they are, or how many, is not told.\n";

#[derive(Serialize)]
struct Budget<'a> {
    project: &'a str,
    snapshot: &'a str,
    profile: &'a str,
    max_leverage: f64,
    /// None: no share of its own.
    share: Option<u64>,
    attributes: Vec<Spent<'a>>,
}

#[derive(Serialize)]
struct Spent<'a> {
    attribute: &'a str,
    used: u64,
    /// None: there is no limit.
    worth: Option<u64>,
    left: Option<u64>,
}

pub(crate) async fn budget(connection: &Connection, args: &BudgetArgs, out: &mut Output) -> Result<u8> {
    let answer = Client::connect(&connection.profile()?).await?.budget(&args.project).await?;
    let budget = Budget {
        project: &answer.project,
        snapshot: &answer.snapshot,
        profile: &answer.profile,
        max_leverage: f64::from(answer.max_leverage) / 1000.0,
        share: answer.share,
        attributes: answer.attributes.iter().map(|of| spent(of, answer.share)).collect(),
    };
    if args.format == ListFormat::Json {
        out.listing(&budget)?;
        return Ok(0);
    }
    let mut grid = Grid::new(&["attribute", "used", "left at most", "worth"]);
    for Spent { attribute, used, worth, left } in &budget.attributes {
        let told =
            |number: &Option<u64>| number.map_or_else(|| "no limit".to_owned(), |number| number.to_string());
        grid.push([attribute, used.to_string().as_str(), &told(left), &told(worth)]);
    }
    let share =
        budget.share.map_or_else(|| "no share of its own".to_owned(), |share| format!("share {share}"));
    let title = format!(
        "{}  snapshot {}, policy {}, {share}, no person's value nearer than {}",
        budget.project, budget.snapshot, budget.profile, budget.max_leverage
    );
    out.result(format!("{}\n{}", escaped(&title), grid.shown(out.stdout)).as_bytes())?;
    out.note(NOTE);
    Ok(0)
}

fn spent(spent: &v1::Spent, share: Option<u64>) -> Spent<'_> {
    let v1::Spent { attribute, used, worth } = spent;
    let least = [*worth, share].into_iter().flatten().min();
    Spent { attribute, used: *used, worth: *worth, left: least.map(|least| least.saturating_sub(*used)) }
}
