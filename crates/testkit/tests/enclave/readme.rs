//! What README.md prints, as a newcomer sees it: after the examples of the demonstration, which are released
//! and stand in the ledger when somebody asks something of their own.

use sekisho_client::render::{self, Look};
use sekisho_server::demo::EXAMPLES;
use sekisho_testkit::Enclave;

const README: &str = include_str!("../../../../README.md");

/// The fenced blocks, without their fences.
fn blocks() -> Vec<&'static str> {
    README.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1).collect()
}

#[tokio::test]
async fn what_the_readme_prints_is_what_is_answered_after_the_examples() {
    let enclave = Enclave::start().await.unwrap();
    let blocks = blocks();
    let mut printed = Vec::new();
    for (_, project, sql) in EXAMPLES {
        let document = enclave.ask(project, sql).await.unwrap();
        let shown = match &document.error {
            Some(problem) => render::problem(problem, document.state.as_str(), Some(sql), Look::plain()),
            None => {
                let table = render::table(&document, Look::plain());
                format!("{sql};\n\n{table}\n{}\n", render::summary(&document))
            }
        };
        if blocks.contains(&shown.as_str()) {
            printed.push(document.state.as_str());
        }
    }
    assert_eq!(printed, ["released", "refused"], "README.md shows an example otherwise than it is answered");

    let command = blocks.iter().position(|block| block.contains("sekisho sql ")).unwrap();
    let sql = blocks[command].split('"').nth(1).unwrap();
    let document = enclave.ask("nafld", sql).await.unwrap();
    assert_eq!(render::table(&document, Look::plain()), blocks[command + 1], "{sql}");
}
