//! `sekisho sql`: one statement in, one outcome out.

use sekisho_client::{Client, Document, Result, Submission};

use crate::args::{Connection, SqlArgs};
use crate::input::statement;
use crate::output::Output;
use crate::progress::Progress;
use crate::show::{self, Shown, show};

pub(crate) async fn sql(connection: &Connection, args: &SqlArgs, out: &mut Output) -> Result<u8> {
    show::refuse_binary(args.format)?;
    let sql = statement(args)?;
    let project = args.project.as_deref().unwrap_or_default();
    let profile = connection.profile()?;
    let progress = Progress::new();
    if !args.check && !args.no_wait {
        let submission = Submission::new(project, sql)?;
        let work = async {
            let client = Client::connect(&profile).await?;
            client.run(&submission, |job| progress.show(job)).await
        };
        let outcome = progress.during(out, work).await?;
        return show::outcome(out, &outcome, args.format, args.footer);
    }
    let work = async {
        let client = Client::connect(&profile).await?;
        if args.check {
            return Ok(Document::of_check(&client.check(project, &sql).await?));
        }
        Document::of_job(&client.submit(&Submission::new(project, sql.clone())?).await?)
    };
    let document = progress.during(out, work).await?;
    show(
        out,
        &Shown { document: &document, arrow: None, sql: &sql, format: args.format, footer: args.footer },
    )
}
