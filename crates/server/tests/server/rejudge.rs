//! What was released is judged again under another profile, by the operator of a stopped server.

use std::process::{Command, Output};

use crate::support::{Home, PATIENCE, PEOPLE};

/// Some ages are those of 10 to 20 people.
const AGES: &str = "SELECT age, COUNT(*) AS n FROM patients GROUP BY age";

fn rejudge(home: &Home, profile: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekishod"));
    command.args(["rejudge", "--dataset", "nafld", "--profile", profile, "--state"]).arg(home.state());
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_profile_names_the_releases_that_it_would_not_have_made() {
    let home = Home::new();
    let server = home.start().await;
    let client = server.client("analyst").await;
    for sql in [PEOPLE, AGES] {
        tokio::time::timeout(PATIENCE, client.sql("nafld", sql)).await.unwrap().unwrap();
    }
    let refused = rejudge(&home, "all-of-us");
    assert!(!refused.status.success(), "the server runs");
    server.stop().await;
    let said = |profile: &str| {
        let output = rejudge(&home, profile);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let same = said("japan-rwd");
    assert!(same.contains("0 of 2 releases of `nafld`"), "{same}");
    let strict = said("all-of-us");
    assert!(strict.contains("1 of 2 releases of `nafld`"), "{strict}");
    let release = strict.lines().find(|line| line.starts_with("projects/nafld/jobs/")).expect(&strict);
    assert!(release.contains("sums would be withheld") && release.contains("threshold"), "{strict}");
    let unknown = rejudge(&home, "none");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no disclosure profile `none`"));
}
