//! The reference page of refusals: each code with an analysis that gives it and one that does not, all of
//! them asked of the real enclave.
//!
//! `SEKISHO_WRITE_DOCS=1 cargo test --workspace --test enclave reference` writes the page.

mod examples;

use std::fmt::Write as _;
use std::path::Path;

use sekisho_client::render::{self, Look};
use sekisho_client::{Client, Document, Problem, State, Submission};
use sekisho_model::{Code, CodeKind};
use sekisho_testkit::Enclave;

use examples::{Ask, EXAMPLES, Example};

const PAGE: &str = "../../docs/refusals.md";

/// Set, the page is written instead of compared.
const WRITE: &str = "SEKISHO_WRITE_DOCS";

const HEAD: &str = "\
# Refusals

An analysis is refused from its text and the catalogue alone, before any record is touched: a refusal says
nothing about anybody. It has a code of the closed list below, what was meant, where it stands, and what to
write instead. The job ends as `refused` and `sekisho` with exit code 11.

`sekisho sql --check` says what would be refused without running anything, in the same words as a job. Each
example here runs over the demonstration's data (`sekishod demo`), and is judged there by a test that also
writes this page: `crates/testkit/tests/enclave/reference.rs`.
";

const TAIL: &str = "
## Found by `sekisho` itself

| code | meaning | what to do |
|---|---|---|
| `BAD_ANSWER` | the server's answer cannot be read, or is not what it vouched for | tell the operator; a newer `sekisho` may read it |
| `BAD_RECEIPT` | a receipt does not hold, or a result or document is not the one that it is of | do not trust the file; \
fetch it again with `sekisho receipt` and `sekisho result` |
| `UNREACHABLE` | the server cannot be reached, or is not the one of the profile; exit code 13 | see that it runs, and that \
the profile is of its present start |
";

impl Ask {
    fn submission(&self, project: &str) -> Submission {
        let mut submission = Submission::new(project, self.sql).unwrap();
        for parameter in self.parameters {
            submission = submission.with_parameter(parameter.parse().unwrap());
        }
        for (name, csv) in self.lists {
            submission = submission.with_list(*name, *csv);
        }
        submission
    }

    /// What one types, or the bare SQL if nothing is given with it.
    fn show(&self, project: &str) -> String {
        let mut page = String::new();
        for (name, csv) in self.lists {
            write!(page, "With `--with {name}=list.csv`, where `list.csv` is\n\n```csv\n{csv}```\n\n")
                .unwrap();
        }
        if !self.parameters.is_empty() {
            let parameters: Vec<String> =
                self.parameters.iter().map(|value| format!("--param {value}")).collect();
            write!(page, "With `{}`:\n\n", parameters.join(" ")).unwrap();
        }
        write!(page, "```sql\n-- sekisho sql --project {project}\n{}\n```\n", self.sql).unwrap();
        page
    }
}

/// What is refused, in the check and in the job alike.
async fn refusal(client: &Client, example: &Example) -> Problem {
    let submission = example.refused.submission(example.project);
    let sql = example.refused.sql;
    let checked = client.check(&submission).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let checked = Document::of_check(&checked);
    assert_eq!(checked.state, State::Refused, "{sql}");
    let problem = checked.error.unwrap();
    assert_eq!(problem.code, example.code.as_str(), "{sql}: {problem:?}");
    assert!(!problem.hint.is_empty(), "{sql}");
    let outcome = client.run(&submission, |_| ()).await.unwrap();
    let job = Document::of_outcome(&outcome).unwrap();
    assert_eq!((job.state, job.error.as_ref()), (State::Refused, Some(&problem)), "{sql}");
    assert_eq!((job.snapshot, job.policy), (checked.snapshot, checked.policy), "{sql}");
    problem
}

/// An analysis that is allowed, and released.
async fn accepted(client: &Client, example: &Example) {
    let submission = example.instead.submission(example.project);
    let checked = Document::of_check(&client.check(&submission).await.unwrap());
    assert_eq!(checked.state, State::Allowed, "{}: {:?}", example.instead.sql, checked.error);
    let outcome = client.run(&submission, |_| ()).await.unwrap();
    let document = Document::of_outcome(&outcome).unwrap();
    assert_eq!(document.state, State::Released, "{}: {:?}", example.instead.sql, document.error);
    assert!(!document.rows.is_empty(), "{}", example.instead.sql);
}

async fn section(client: &Client, code: Code) -> String {
    let mut page = format!("\n### {code}\n\n{}\n", code.meaning());
    for (index, example) in EXAMPLES.iter().filter(|example| example.code == code).enumerate() {
        if index > 0 {
            page += "\nLikewise:\n";
        }
        let problem = refusal(client, example).await;
        accepted(client, example).await;
        let shown = render::problem(&problem, "refused", Some(example.refused.sql), Look::plain());
        let (refused, instead) =
            (example.refused.show(example.project), example.instead.show(example.project));
        write!(page, "\n{refused}\n```text\n{shown}```\n\n{}\n\n{instead}", example.meant).unwrap();
    }
    page
}

fn table(kind: CodeKind) -> String {
    let mut page = String::from("\n| code | meaning | what to do |\n|---|---|---|\n");
    for code in Code::ALL.iter().filter(|code| code.kind() == kind) {
        writeln!(page, "| `{code}` | {} | {} |", code.meaning(), examples::advice(*code)).unwrap();
    }
    page
}

#[tokio::test]
async fn the_reference_of_refusals_shows_what_the_enclave_says() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    let mut page = format!("{HEAD}\n## Refused from the plan\n");
    for code in Code::ALL.iter().filter(|code| code.kind() == CodeKind::Plan) {
        assert!(EXAMPLES.iter().any(|example| example.code == *code), "{code} has no example");
        page += &section(&client, *code).await;
    }
    page += "\n## Ended early\n\nThe job is `failed` or `cancelled`, and `sekisho` exits with 12.\n";
    page += &table(CodeKind::Run);
    page += "\n## Calls that are not answered\n\nNo job was made, or none is shown.\n";
    page += &table(CodeKind::Call);
    page += TAIL;
    let path = Path::new(PAGE);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).position(|(written, page)| written != page);
    assert!(
        written == page,
        "docs/refusals.md is not what the enclave says (line {}): {WRITE}=1 cargo test --workspace --test enclave reference",
        differs.unwrap_or_else(|| written.lines().count()) + 1
    );
}
