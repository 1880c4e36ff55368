//! The command line: commands, options and an example for each.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sekisho_client::{Error, Profile, Result, job_name};

/// Sends analyses to a Sekisho enclave and shows what its checkpoint lets out.
#[derive(Parser)]
#[command(name = "sekisho", version = env!("SEKISHO_VERSION"), after_help = "\
Example:
  sekisho --state demo --as analyst sql --project nafld \\
    \"SELECT male, COUNT(*) AS n FROM patients GROUP BY male\"

Exit codes: 0 released, 2 usage error, 3 not signed in or no such thing, 10 held, 11 refused, 12 failed,
13 the server cannot be reached.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which server, and as whom.
#[derive(ClapArgs)]
pub(crate) struct Connection {
    /// Profile with the server's address, its CA, and a token or where to sign in [env: SEKISHO_PROFILE]
    #[arg(long, global = true, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// State directory of a demonstration server, with --as
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Person of the demonstration, such as analyst
    #[arg(long = "as", global = true, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what a project was given of each attribute, and how much there is
    Budget(BudgetArgs),
    /// Takes a job back
    Cancel(CancelArgs),
    /// Shows the tables, columns and rules of a project
    Catalog(CatalogArgs),
    /// Lists your jobs, newest first
    Jobs(JobsArgs),
    /// Signs in at the issuer that the profile names; later commands are made as who signed in
    Login(LoginArgs),
    /// Signs out: the login is removed from this machine, and renewed no more
    Logout(LogoutArgs),
    /// Lists the projects that you belong to
    Projects(ProjectsArgs),
    /// Fetches the proof that a release stands in the enclave's log
    Receipt(ReceiptArgs),
    /// Shows the result of a job, waiting for it if need be
    Result(ResultArgs),
    /// Runs a SELECT statement, or a plan of several, and shows what the checkpoint released
    Sql(SqlArgs),
    /// Makes a synthetic twin of a project's records, from a few statistics that ordinary jobs release
    Twin(TwinArgs),
    /// Checks a receipt, offline where it is a file
    Verify(VerifyArgs),
    /// Follows a job until it is settled
    Watch(WatchArgs),
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people; a withheld cell is a mark
    Table,
    /// A withheld cell is [withheld], NULL is empty
    Csv,
    /// The whole document; a withheld cell is null and named in `withheld`
    Json,
    /// Arrow IPC stream, as it came; of several statements one after the other
    Arrow,
}

/// How a listing is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// For tools
    Json,
}

/// A job.
#[derive(ClapArgs)]
pub(crate) struct JobArgs {
    /// projects/PROJECT/jobs/JOB, or its id with --project
    job: String,
    /// Project of the job
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho budget --project nafld")]
pub(crate) struct BudgetArgs {
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: String,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho cancel projects/nafld/jobs/01JX7Z9V4N8W2M5K3Q6R1T0ABC")]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho catalog --project nafld")]
pub(crate) struct CatalogArgs {
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: String,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho jobs --project nafld --limit 10")]
pub(crate) struct JobsArgs {
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: String,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  sekisho --profile enclave.toml login
  sekisho --profile enclave.toml login --client-credentials --client-id pipeline --client-secret-file secret.txt

The profile says where: instead of a token it holds a table
  [login]
  issuer = \"https://id.example\"
  client_id = \"sekisho-cli\"
  resource = \"https://enclave.example\"      # or: audience = \"...\", as the issuer wants it
  scope = \"openid offline_access\"

A secret is read from a file or from SEKISHO_CLIENT_SECRET, and never given as an argument: other users can see those.")]
pub(crate) struct LoginArgs {
    /// Sign a program in with its own secret, instead of a person with a code in a browser
    #[arg(long)]
    pub(crate) client_credentials: bool,
    /// Client to sign in as, instead of the profile's
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// File of the client's secret; it is read again whenever the login is renewed [else env: SEKISHO_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho --profile enclave.toml logout")]
pub(crate) struct LogoutArgs {}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho projects")]
pub(crate) struct ProjectsArgs {
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(
    after_help = "Example:\n  sekisho receipt projects/nafld/jobs/01JX7Z9V4N8W2M5K3Q6R1T0ABC > receipt.json"
)]
pub(crate) struct ReceiptArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

#[derive(ClapArgs)]
#[command(
    after_help = "Example:\n  sekisho result projects/nafld/jobs/01JX7Z9V4N8W2M5K3Q6R1T0ABC --format csv"
)]
pub(crate) struct ResultArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Show the present state instead of waiting
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Add job, snapshot, policy and receipt
    #[arg(long)]
    pub(crate) footer: bool,
    /// With --format csv or arrow: write DIR/NAME.csv or DIR/NAME.arrow for each statement
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  sekisho sql --project nafld \"SELECT male, COUNT(*) AS n FROM patients GROUP BY male\"
  sekisho sql --project nafld -f query.sql --format csv --footer > result.csv
  sekisho sql --project nafld --check \"SELECT age FROM patients\"
  sekisho sql --project nafld --check --twin \"SELECT age, COUNT(*) AS n FROM patients GROUP BY age\"
  sekisho sql --project ward --with codes=diabetes.csv --param 2020-01-01::date \\
    \"SELECT COUNT(*) AS n FROM diagnoses d JOIN codes c ON d.icd10 = c.code WHERE d.date >= $1\"
  sekisho sql --project nafld --plan study.toml --format csv --output tables
  echo '{\"sql\": \"SELECT COUNT(*) AS n FROM patients\"}' | sekisho sql --project nafld --serve-lines

A plan names its statements, the most important first; they are judged and released together:
  [[statement]]
  name = \"main\"
  sql = \"SELECT male, COUNT(*) AS n FROM patients GROUP BY male\"   # or: file = \"main.sql\"")]
pub(crate) struct SqlArgs {
    /// Project whose data is read
    #[arg(long, value_name = "PROJECT", required_unless_present = "serve_lines")]
    pub(crate) project: Option<String>,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// Submit, and show the present state instead of waiting
    #[arg(long, conflicts_with_all = ["check", "serve_lines"])]
    pub(crate) no_wait: bool,
    /// Say from the plan alone what would be refused, and what it would cost, without running
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: go through the whole checkpoint on this machine, on a synthetic twin of the project. The first
    /// time it is made by ordinary jobs for a few statistics of each column (see `sekisho twin`)
    #[arg(long, requires = "check", conflicts_with = "serve_lines")]
    pub(crate) twin: bool,
    /// With --twin: on the files of this folder, with a manifest.toml, instead of synthetic records
    #[arg(long, value_name = "DIR", requires = "twin")]
    pub(crate) data: Option<PathBuf>,
    /// Add job, snapshot, policy and receipt (Arrow: in the schema's metadata; JSON has them anyway)
    #[arg(long, conflicts_with = "serve_lines")]
    pub(crate) footer: bool,
    /// A code list as a reference table: CSV with a line of column names; may be repeated
    #[arg(long = "with", value_name = "NAME=FILE.csv", conflicts_with = "serve_lines")]
    pub(crate) with: Vec<String>,
    /// The value of $1, the next one of $2, and so on: 12, 1.5, true, null, 'text', 2020-01-31::date
    #[arg(long = "param", value_name = "VALUE", allow_hyphen_values = true, conflicts_with = "serve_lines")]
    pub(crate) params: Vec<String>,
    /// Answer each JSON line {"sql": ..., "project": ...} of standard input with one JSON document; "params"
    /// is a list of values, "with" an object of code lists as CSV text
    #[arg(long, conflicts_with_all = ["file", "output", "plan", "sql"])]
    pub(crate) serve_lines: bool,
    /// Several named statements, the most important first, judged as one release: a TOML file
    #[arg(long, value_name = "FILE.toml", conflicts_with_all = ["file", "sql"])]
    pub(crate) plan: Option<PathBuf>,
    /// With --format csv or arrow: write DIR/NAME.csv or DIR/NAME.arrow for each statement
    #[arg(long, value_name = "DIR", conflicts_with_all = ["check", "no_wait"])]
    pub(crate) output: Option<PathBuf>,
    /// Read the statement from a file, or from standard input if it is -
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    /// The statement, or - for standard input
    #[arg(value_name = "SQL", allow_hyphen_values = true, required_unless_present_any = ["file", "plan", "serve_lines"])]
    pub(crate) sql: Option<String>,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho twin --project nafld --output nafld-twin --people 1000")]
pub(crate) struct TwinArgs {
    /// Project whose twin is made, and to which the releases that it is drawn from are charged
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: String,
    /// Folder for its files; by default where `sekisho sql --check --twin` looks for it
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// People in it; by default as many as the project has
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) people: Option<u64>,
    /// Another seed makes another twin of the same statistics
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  sekisho verify projects/nafld/jobs/01JX7Z9V4N8W2M5K3Q6R1T0ABC --document result.json
  sekisho verify --receipt receipt.json --arrow result.arrow --log-key example.org/log+...")]
pub(crate) struct VerifyArgs {
    /// Job whose receipt and result are fetched and checked
    #[arg(required_unless_present = "receipt", conflicts_with = "receipt")]
    job: Option<String>,
    /// Project of the job
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Receipt to check offline
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// Result that the receipt must be of, as --format arrow wrote it
    #[arg(long, value_name = "FILE", requires = "receipt")]
    pub(crate) arrow: Option<PathBuf>,
    /// Document that must be of this release, as --format json wrote it; offline, its values are checked only
    /// beside --arrow
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    /// Public key of the log, instead of the profile's `log_key`
    #[arg(long, value_name = "KEY", requires = "receipt")]
    pub(crate) log_key: Option<String>,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

#[derive(ClapArgs)]
#[command(after_help = "Example:\n  sekisho watch projects/nafld/jobs/01JX7Z9V4N8W2M5K3Q6R1T0ABC")]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

impl Connection {
    /// The profile that was chosen: --profile, else --state and --as, else SEKISHO_PROFILE.
    pub(crate) fn profile(&self) -> Result<Profile> {
        match (&self.profile, &self.state, &self.name) {
            (Some(path), None, None) => Profile::load(path),
            (None, Some(state), Some(name)) => {
                let path = Profile::path_in_state(state, name);
                if path.exists() { Profile::load(&path) } else { Err(no_profile(name, &path)) }
            }
            (None, None, None) => match env::var_os("SEKISHO_PROFILE") {
                Some(path) if !path.is_empty() => Profile::load(path.as_ref()),
                _ => Err(Error::argument(
                    "no profile: give --profile FILE, or --state DIR --as NAME, or set SEKISHO_PROFILE",
                )),
            },
            (Some(_), _, _) => Err(Error::argument("--profile stands without --state and --as")),
            (None, _, _) => Err(Error::argument("--state and --as go together")),
        }
    }
}

/// That a state directory has no profile of this name, and which it has.
fn no_profile(name: &str, path: &Path) -> Error {
    let listed = path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let mut names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    let known = match names.as_slice() {
        [] => "no server has written profiles there".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Error::argument(format!("there is no profile `{name}` at `{}`; {known}", path.display()))
}

impl Command {
    /// The format in which errors are told too, where it is one for results.
    pub(crate) fn format(&self) -> Option<Format> {
        match self {
            Self::Sql(args) => Some(args.format),
            Self::Result(args) => Some(args.format),
            Self::Budget(_)
            | Self::Cancel(_)
            | Self::Catalog(_)
            | Self::Jobs(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Projects(_)
            | Self::Receipt(_)
            | Self::Twin(_)
            | Self::Verify(_)
            | Self::Watch(_) => None,
        }
    }
}

impl JobArgs {
    pub(crate) fn name(&self) -> Result<String> {
        job_name(&self.job, self.project.as_deref())
    }
}

impl VerifyArgs {
    pub(crate) fn job_name(&self) -> Result<Option<String>> {
        self.job.as_deref().map(|job| job_name(job, self.project.as_deref())).transpose()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Args::command().get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{}", command.get_name());
        }
        assert!(Args::command().render_long_help().to_string().contains("Example"));
    }

    #[test]
    fn sql_may_begin_with_a_comment() {
        let line = ["sekisho", "sql", "--project", "p", "-- n\nSELECT 1", "--format", "json"];
        let Command::Sql(args) = Args::try_parse_from(line).ok().unwrap().command else { panic!() };
        assert_eq!((args.sql.as_deref(), args.format), (Some("-- n\nSELECT 1"), Format::Json));
    }
}
