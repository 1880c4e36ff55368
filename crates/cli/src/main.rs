//! The `sekisho` command: sends an analysis in and shows what the checkpoint let out.
//!
//! Standard output carries results only, and everything else goes to standard error: what a person or a
//! pipe reads as a result never has anything else in it. The exit codes are those of
//! `sekisho_client::exit_code`.

mod args;
mod budget;
mod catalog;
mod files;
mod input;
mod jobs;
mod login;
mod output;
mod progress;
mod receipt;
mod serve;
mod show;
mod sql;
mod twin;

use std::process::ExitCode;

use clap::Parser as _;
use sekisho_client::{Document, Result, exit_code, render};

use args::{Args, Command, Format};
use output::Output;

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = Output::of_process();
    let format = args.command.format();
    let code = match run(args, &mut out) {
        Ok(code) => code,
        Err(error) => {
            let shown = render::problem(&error.problem(), "error", None, out.stderr);
            out.note(&shown);
            if format == Some(Format::Json) {
                // A tool that asked for JSON finds the reason there too. If even that cannot be written,
                // the first error is the one to tell.
                let _ = out.result_line(&render::json::lines(&Document::of_error(&error)));
            }
            exit_code(Err(&error))
        }
    };
    ExitCode::from(code)
}

fn run(args: Args, out: &mut Output) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| sekisho_client::Error::argument(format!("the system gives no threads: {error}")))?;
    let connection = args.connection;
    runtime.block_on(async {
        match args.command {
            Command::Budget(args) => budget::budget(&connection, &args, out).await,
            Command::Cancel(args) => jobs::cancel(&connection, &args, out).await,
            Command::Catalog(args) => catalog::catalog(&connection, &args, out).await,
            Command::Jobs(args) => jobs::list(&connection, &args, out).await,
            Command::Login(args) => login::login(&connection, &args, out).await,
            Command::Logout(_) => login::logout(&connection, out).await,
            Command::Projects(args) => catalog::projects(&connection, &args, out).await,
            Command::Receipt(args) => receipt::receipt(&connection, &args, out).await,
            Command::Result(args) => jobs::result(&connection, &args, out).await,
            Command::Sql(args) if args.serve_lines => serve::serve(&connection, &args, out).await,
            Command::Sql(args) if args.twin => twin::check(&connection, &args, out).await,
            Command::Sql(args) => sql::sql(&connection, &args, out).await,
            Command::Twin(args) => twin::make(&connection, &args, out).await,
            Command::Verify(args) => receipt::verify(&connection, &args, out).await,
            Command::Watch(args) => jobs::watch(&connection, &args, out).await,
        }
    })
}
