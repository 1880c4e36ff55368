//! `sekisho sql`: one statement, or a plan of several, in, one outcome out.

use sekisho_client::{Client, Document, Result};

use crate::args::{Connection, SqlArgs};
use crate::input::submission;
use crate::output::Output;
use crate::progress::Progress;
use crate::show::{self, Shown, show};

pub(crate) async fn sql(connection: &Connection, args: &SqlArgs, out: &mut Output) -> Result<u8> {
    let output = args.output.as_deref();
    show::refuse_output(args.format, output)?;
    if args.plan.is_some() && !args.check {
        show::refuse_several(args.format, output)?;
    }
    let submission = submission(args)?;
    let profile = connection.profile()?;
    let progress = Progress::new();
    if !args.check && !args.no_wait {
        let work = async {
            let client = Client::connect(&profile).await?;
            client.run(&submission, |job| progress.show(job)).await
        };
        let outcome = progress.during(out, work).await?;
        return show::outcome(out, &outcome, args.format, args.footer, output);
    }
    let work = async {
        let client = Client::connect(&profile).await?;
        if args.check {
            return Ok(Document::of_check(&client.check(&submission).await?));
        }
        Document::of_job(&client.submit(&submission).await?)
    };
    let document = progress.during(out, work).await?;
    let (sql, footer) = (submission.sql.as_str(), args.footer);
    show(out, &Shown { document: &document, arrow: None, sql, format: args.format, footer, output: None })
}
