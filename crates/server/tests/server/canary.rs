//! No value of a record is anywhere that it should not be: canaries in every column, hundreds of random
//! queries, and then a search through every answer, every log line and every byte on the disk.

mod dataset;
mod queries;
mod search;

use std::fs;
use std::path::Path;

use futures::StreamExt as _;
use sekisho_client::v1::job::State;
use sekisho_client::{Client, Submission, v1};

use crate::support::{Home, Random, Start, settled};
use search::Search;

/// How many analyses are asked for.
const QUERIES: u64 = 400;

/// How many are asked for at a time.
const AT_A_TIME: usize = 8;

/// What one query came to: everything that the caller was told but for the query's own text.
struct Told {
    state: Option<State>,
    text: String,
    arrow: Vec<u8>,
}

/// Asks, in the two ways that there are.
async fn ask(client: &Client, sql: &str) -> Told {
    let submission = Submission::new("canary", sql).unwrap();
    let mut text = match client.check(&submission).await {
        Ok(checked) => format!("{checked:?}"),
        Err(error) => format!("{error:?}"),
    };
    let submitted = client.submit(&submission).await;
    let job = match submitted {
        Ok(job) => settled(client, &job.name).await,
        Err(error) => return Told { state: None, text: text + &format!("{error:?}"), arrow: Vec::new() },
    };
    text += &format!("{:?}", v1::Job { sql: String::new(), ..job.clone() });
    let state = Some(job.state());
    let outcome = client.outcome(job).await.unwrap();
    Told { state, text, arrow: outcome.arrow.map(|arrow| arrow.to_vec()).unwrap_or_default() }
}

/// The files below a folder.
fn each_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, look);
        } else {
            look(&path, &fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_no_log_line_and_no_file_holds_a_value_of_a_record() {
    let home = Home::new();
    let secrets = dataset::write(&home.beside("data"));
    let datasets = [home.beside("data/manifest.toml")];
    let start = Start { datasets: &datasets, log: Some("trace"), ..Start::default() };
    let server = home.start_with(&start).await;
    let client = server.client("analyst").await;

    let search = Search::new(&secrets.hidden, &secrets.numbers);
    let (client, search, named) = (&client, &search, &secrets.named);
    let asking = (0..QUERIES).map(async |number| {
        let sql = queries::random(&mut Random(number), named);
        let told = ask(client, &sql).await;
        search.assert_clean(&sql, told.text.as_bytes());
        search.assert_clean(&sql, &told.arrow);
        told.state
    });
    let states: Vec<_> = futures::stream::iter(asking).buffer_unordered(AT_A_TIME).collect().await;
    let of = |state| states.iter().filter(|found| **found == Some(state)).count();
    let (released, refused) = (of(State::Released), of(State::Refused));
    assert!(
        released >= 60 && refused >= 60,
        "{released} released, {refused} refused: the test proves little"
    );
    assert_eq!(of(State::Failed), 0, "a random query ran into a defect or a limit");

    let profile = server.profile("analyst");
    server.stop().await;
    let written = home.written();
    assert!(written.len() > 100_000, "the log is captured");
    search.assert_clean("the server's log", &written);
    assert!(!String::from_utf8_lossy(&written).contains(profile.token().unwrap()), "the log holds a token");
    each_file(&home.state(), &mut |path, bytes| search.assert_clean(&path.display().to_string(), bytes));
}

#[test]
fn the_search_finds_what_is_hidden_in_the_clear() {
    let search = Search::new(&["KNRN0123456789".to_owned()], &[731_940_000_017]);
    search.assert_clean("nothing", b"KNRN0123456780 731940000018");
    assert_eq!(search.found(b"..KNRN0123456789.."), ["KNRN0123456789"]);
    assert_eq!(
        search.found(&[&[1, 2, 3][..], &731_940_000_017_u64.to_le_bytes()].concat()),
        ["731940000017"]
    );
}
