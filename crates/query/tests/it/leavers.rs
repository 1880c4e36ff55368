//! Who opted out is in no answer: it is that of a dataset which never had them.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use sekisho_vault::IngestOptions;

use crate::fixture::{Fixture, profile};

const MANIFEST: &str = "dataset = \"clinic\"\ntitle = \"t\"\nsource = \"s\"\nlicence = \"l\"
[[table]]\nname = \"patients\"\nfile = \"patients.csv\"
[[table.column]]\nname = \"id\"\nclass = \"subject\"
[[table.column]]\nname = \"sex\"\nclass = \"dimension\"\ntype = \"text\"\nvalues = [\"F\", \"M\"]
[[table]]\nname = \"visits\"\nfile = \"visits.csv\"
[[table.column]]\nname = \"id\"\nclass = \"subject\"
[[table.column]]\nname = \"cost\"\nclass = \"measure\"\ntype = \"integer\"\n";

/// One for each way in which records are read.
const ANALYSES: [&str; 7] = [
    "SELECT COUNT(*) AS n FROM patients",
    "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex",
    "SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS people, SUM(cost) AS cost FROM visits",
    "SELECT p.sex, SUM(v.cost) AS cost FROM patients p JOIN visits v ON p.id = v.id GROUP BY p.sex",
    "SELECT p.sex, COUNT(*) AS n FROM patients p WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.id = p.id) \
     GROUP BY p.sex",
    "SELECT p.sex, COUNT(v.cost) AS n, COUNT(*) AS m FROM patients p LEFT JOIN visits v ON v.id = p.id GROUP BY p.sex",
    "SELECT COUNT(*) AS n FROM (SELECT id, SUM(cost) AS cost FROM visits GROUP BY id HAVING SUM(cost) > 500) AS dear",
];

/// 600 people of whom every third never came, and their visits; those whom `stays` leaves out are not there.
async fn clinic(folder: &Path, stays: impl Fn(u32) -> bool) -> Fixture {
    let (mut patients, mut visits) = (String::from("id,sex\n"), String::from("id,cost\n"));
    for person in (0..600_u32).filter(|person| stays(*person)) {
        writeln!(patients, "p{person},{}", if person % 5 < 2 { "F" } else { "M" }).unwrap();
        for visit in 0..person % 3 {
            writeln!(visits, "p{person},{}", 100 + person + 7 * visit).unwrap();
        }
    }
    std::fs::write(folder.join("manifest.toml"), MANIFEST).unwrap();
    std::fs::write(folder.join("patients.csv"), patients).unwrap();
    std::fs::write(folder.join("visits.csv"), visits).unwrap();
    let options = IngestOptions { row_group_rows: 40, file_rows: 200, ..IngestOptions::default() };
    Fixture::with_options(&folder.join("manifest.toml"), &options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opted_out_is_in_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    // The first and the last person, some of every file, and people who are next to each other.
    let leaves = |person: u32| person.is_multiple_of(11) || (300..340).contains(&person) || person == 599;
    let without = clinic(folder.path(), |person| !leaves(person)).await;
    let mut left = clinic(folder.path(), |_| true).await;
    let profile = profile("japan-rwd");
    let before = left.bytes(ANALYSES[1], &profile).await.unwrap();
    let ids: Vec<String> =
        (0..600).filter(|person| leaves(*person)).map(|person| format!("p{person}")).collect();
    left.opt_out(&ids).await;
    for partitions in [1, 2, 16] {
        let partitions = NonZeroUsize::new(partitions).unwrap();
        left.engine = left.engine.clone().with_partitions(partitions);
        for sql in ANALYSES {
            let (mine, theirs) = (left.bytes(sql, &profile).await, without.bytes(sql, &profile).await);
            assert!(mine.unwrap() == theirs.unwrap(), "{partitions}: {sql}");
        }
    }
    assert!(left.bytes(ANALYSES[1], &profile).await.unwrap() != before);
}
