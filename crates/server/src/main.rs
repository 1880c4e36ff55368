//! The program `sekishod`.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use sekisho_server::commands::{Arguments, run};
use tracing_subscriber::EnvFilter;

/// Jobs take and give back many large pieces of memory; the C library's allocator goes to the kernel for each.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

/// Stack of a worker thread: the engine's planners are recursive.
const WORKER_STACK: usize = 16 << 20;

/// Worker threads beside one for each core, so that jobs that compute do not keep callers waiting.
const SPARE_WORKERS: usize = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("SEKISHO_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Where nobody can be told (the disk of the log file is full) the line is lost, and not the server.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    lines.with_writer(std::io::stderr).init();
    // What a panic says may quote a value of a record: only its place is told.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(at = panic.location().map(tracing::field::display), "panicked: this is a defect");
    }));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_add(SPARE_WORKERS))
        .thread_stack_size(WORKER_STACK)
        .enable_all()
        .build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Without a standard error there is nobody to tell.
            let _written = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
