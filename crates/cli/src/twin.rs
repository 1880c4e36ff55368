//! `sekisho twin` and `sekisho sql --check --twin`: the checkpoint on this machine.

use std::env;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use sekisho_client::render::escaped;
use sekisho_client::{Client, Error, Profile, Result};
use sekisho_twin::{Order, Records};

use crate::args::{Connection, ListFormat, SqlArgs, TwinArgs};
use crate::input::submission;
use crate::output::Output;
use crate::show::{self, Shown, show};

/// Shows what the checkpoint would do with an analysis of synthetic records, or of the caller's own.
pub(crate) async fn check(connection: &Connection, args: &SqlArgs, out: &mut Output) -> Result<u8> {
    let output = args.output.as_deref();
    show::refuse_output(args.format, output)?;
    if args.plan.is_some() {
        show::refuse_several(args.format, output)?;
    }
    let submission = submission(args)?;
    let profile = connection.profile()?;
    let records = match &args.data {
        Some(folder) => Records::Folder(folder.clone()),
        None => Records::Twin(cached(&profile, &submission.project)?),
    };
    let client = Client::connect(&profile).await?;
    let mut told = |line: &str| out.note(&format!("twin: {}\n", escaped(line)));
    let judged = sekisho_twin::check(&client, &submission, &records, &mut told).await?;
    let (document, arrow) = (&judged.document, judged.arrow.as_deref());
    let (sql, footer) = (submission.sql.as_str(), args.footer);
    show(out, &Shown { document, arrow, sql, format: args.format, footer, output })
}

/// Makes a twin, and says where it lies.
pub(crate) async fn make(connection: &Connection, args: &TwinArgs, out: &mut Output) -> Result<u8> {
    let profile = connection.profile()?;
    let folder = args.output.clone().map_or_else(|| cached(&profile, &args.project), Ok)?;
    let client = Client::connect(&profile).await?;
    let order = Order { project: args.project.clone(), folder, people: args.people, seed: args.seed };
    let mut told = |line: &str| out.note(&format!("twin: {}\n", escaped(line)));
    let made = sekisho_twin::make(&client, &order, &mut told).await?;
    match args.format {
        ListFormat::Json => out.listing(&made)?,
        ListFormat::Table => out.result_line(&format!(
            "{}: {} synthetic people, drawn from {} releases",
            made.folder.display(),
            made.people,
            made.releases
        ))?,
    }
    Ok(0)
}

/// Where the twin of a project is kept: below the user's folder for what can be made again.
fn cached(profile: &Profile, project: &str) -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let base = base.ok_or_else(|| {
        Error::argument("neither XDG_CACHE_HOME nor HOME is set: there is no place to keep a twin")
    })?;
    let project = project.strip_prefix("projects/").unwrap_or(project);
    if project.is_empty() || project.contains(['/', '.']) {
        return Err(Error::argument("a project is named by its id, such as `ward`"));
    }
    // The key of its log is the server's own, wherever it listens.
    let mut server = DefaultHasher::new();
    profile.log_key.as_ref().unwrap_or(&profile.address).hash(&mut server);
    Ok(base.join("sekisho/twins").join(format!("{:016x}", server.finish())).join(project))
}
