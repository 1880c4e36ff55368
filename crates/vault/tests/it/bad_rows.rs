//! A row or file that does not fit is refused with its place and what was expected, and changes
//! nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use sekisho_vault::{Error, IngestOptions, Place};

use crate::support::{COST, Home, SUBJECT, latest, texts, visits};

const SEX: &str = "name = \"sex\"\nclass = \"dimension\"\ntype = \"text\"\nvalues = [\"F\", \"M\"]";

/// The error of taking in these bytes as `visits.csv`, over a snapshot that must stay.
async fn refused(columns: &[&str], body: impl AsRef<[u8]>) -> Error {
    let home = Home::new();
    let vault = home.vault();
    let manifest = home.manifest(&visits(columns));
    let names: Vec<&str> = columns.iter().map(|column| column.split('"').nth(1).unwrap()).collect();
    home.file("visits.csv", format!("{}\n", names.join(",")));
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    home.file("visits.csv", body);
    let error = vault.ingest(&manifest, &IngestOptions::default()).await.unwrap_err();
    assert_eq!(vault.snapshots(&manifest.dataset).await.unwrap().len(), 1);
    assert!(texts(&latest(&vault, "clinic").await, "visits").await.is_empty());
    let folders = std::fs::read_dir(home.root().join("datasets/clinic/files")).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap()).count();
    assert_eq!(files, 1, "a refused ingest leaves no file");
    error
}

/// Lines of costs of which one is bad.
async fn check(bad: &str, line: u64, column: Option<&str>, expected: &str) {
    let error = refused(&[SUBJECT, COST, SEX], format!("id,cost,sex\np1,1,F\n{bad}\np2,2,M\n")).await;
    let text = error.to_string();
    let Error::BadRow { place, column: found, expected: said, .. } = error else { panic!("{error:?}") };
    assert_eq!((place, found.as_deref()), (Place::Line(line), column), "{text}");
    assert!(said.contains(expected), "{text}");
    assert!(text.contains("visits.csv` line"), "{text}");
}

#[tokio::test]
async fn a_bad_row_is_named_by_line_and_column() {
    check("p9,12x,F", 3, Some("cost"), "an integer").await;
    check("p9,1.0,F", 3, Some("cost"), "an integer").await;
    check("p9,99999999999999999999,F", 3, Some("cost"), "an integer").await;
    check("p9,1,X", 3, Some("sex"), "one of the values that the manifest declares").await;
    check(",1,F", 3, Some("id"), "the id of a person").await;
    check(" p9,1,F", 3, Some("id"), "without spaces").await;
    check("p9,1", 3, None, "3 fields as in the header line, found 2").await;
    check("p9,1,F,4", 3, None, "found 4").await;
    check("\"p\n8\",1,F\np9,x,F", 5, Some("cost"), "an integer").await;
}

#[tokio::test]
async fn bytes_that_are_not_text_and_endless_rows_are_bad_rows() {
    let mut body = b"id,cost\np1,1\np\xff,2\n".to_vec();
    let error = refused(&[SUBJECT, COST], &body).await;
    assert!(error.to_string().contains("line 3, column `id`: expected UTF-8 text"), "{error}");

    body.truncate(14);
    body.extend_from_slice(b"\"");
    body.extend(std::iter::repeat_n(b'x', 20 << 20));
    let error = refused(&[SUBJECT, COST], &body).await;
    assert!(error.to_string().contains("is a quote not closed?"), "{error}");
}

#[tokio::test]
async fn a_file_whose_columns_are_not_the_manifests_is_refused() {
    let columns = [SUBJECT, COST];
    for (body, words) in [
        ("id,cost,name\n", "does not name (column 3)"),
        ("P000042,17\nP000043,18\n", "begins with a header line"),
        ("id\n", "no column with the header `cost`"),
        ("id,cost,cost\n", "two columns with the header `cost`"),
        ("", "no column with the header `id`"),
    ] {
        let text = refused(&columns, body).await.to_string();
        assert!(text.contains(words) && !text.contains("P0000") && !text.contains("name`"), "{text}");
    }
}

#[tokio::test]
async fn a_code_table_has_each_key_once() {
    let home = Home::new();
    let vault = home.vault();
    let manifest = home.manifest(
        "dataset = \"clinic\"\ntitle = \"t\"\nsource = \"s\"\nlicence = \"l\"\n[[table]]\nname = \"codes\"\n\
         kind = \"code\"\nfile = \"codes.csv\"\nkey = \"code\"\n[[table.column]]\nname = \"code\"\n\
         class = \"dimension\"\ntype = \"text\"\n",
    );
    for (body, words) in [
        ("code\nA\nB\nA\n", "line 4, column `code`: expected a key that has not occurred before"),
        ("code\nA\n\"\"\n", "line 3, column `code`: expected a key"),
    ] {
        home.file("codes.csv", body);
        let error = vault.ingest(&manifest, &IngestOptions::default()).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    home.file("codes.csv", "code\nB\nA\n");
    vault.ingest(&manifest, &IngestOptions::default()).await.unwrap();
    assert_eq!(texts(&latest(&vault, "clinic").await, "codes").await, [["B"], ["A"]]);
}

#[tokio::test]
async fn a_missing_or_cut_off_file_is_named() {
    let home = Home::new();
    let vault = home.vault();
    let manifest = home.manifest(&visits(&[SUBJECT, COST]).replace("visits.csv", "visits.csv.gz"));
    let error = vault.ingest(&manifest, &IngestOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("visits.csv.gz`: entity not found"), "{error}");

    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(b"id,cost\n").unwrap();
    (0..5000).for_each(|row| writeln!(packed, "p{row},{row}").unwrap());
    let packed = packed.finish().unwrap();
    home.file("visits.csv.gz", &packed[..packed.len() / 2]);
    let error = vault.ingest(&manifest, &IngestOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("visits.csv.gz`: unexpected end of file"), "{error}");
    home.file("visits.csv.gz", &packed);
    assert_eq!(vault.ingest(&manifest, &IngestOptions::default()).await.unwrap().people, 5000);
}
