//! No error says anything of what stands in a row, whatever stands in it.

use proptest::prelude::*;
use sekisho_vault::IngestOptions;

use crate::support::{Home, SUBJECT, visits};

/// A text that no error would hold by chance.
const CANARY: &str = "Zx7qCanary";

const KINDS: [&str; 9] = [
    "class = \"measure\"\ntype = \"integer\"",
    "class = \"measure\"\ntype = \"decimal(9,2)\"",
    "class = \"measure\"\ntype = \"double\"",
    "class = \"date\"\ntype = \"date\"",
    "class = \"date\"\ntype = \"timestamp\"",
    "class = \"dimension\"\ntype = \"boolean\"",
    "class = \"dimension\"\ntype = \"text\"\nvalues = [\"a\"]",
    "class = \"identifier\"",
    "class = \"free-text\"",
];

/// A field: sound, empty, or broken in some way, with the canary in it.
fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"1".to_vec()),
        1 => Just(Vec::new()),
        1 => Just(CANARY.as_bytes().to_vec()),
        1 => Just(format!("1{CANARY}").into_bytes()),
        1 => Just(format!("\"{CANARY}\n{CANARY}\"").into_bytes()),
        1 => Just(format!("\"{CANARY}").into_bytes()),
        1 => Just(format!("{CANARY},{CANARY}").into_bytes()),
        1 => Just([CANARY.as_bytes(), b"\xff\xfe"].concat()),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(|tail| [CANARY.as_bytes(), &tail].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_error_holds_a_value(
        kinds in proptest::collection::vec(0..KINDS.len(), 1..4),
        rows in proptest::collection::vec(proptest::collection::vec(field(), 4), 1..4),
        header in prop_oneof![9 => Just(true), 1 => Just(false)],
    ) {
        let home = Home::new();
        let columns: Vec<String> = kinds.iter().enumerate()
            .map(|(at, kind)| format!("name = \"c{at}\"\n{}", KINDS[*kind])).collect();
        let mut body = Vec::new();
        if header {
            let names: Vec<String> = (0..kinds.len()).map(|at| format!("c{at}")).collect();
            body.extend_from_slice(format!("id,{}\n", names.join(",")).as_bytes());
        }
        for row in &rows {
            body.extend_from_slice(&row[..=kinds.len()].join(b",".as_slice()));
            body.push(b'\n');
        }
        home.file("visits.csv", body);
        let columns: Vec<&str> = std::iter::once(SUBJECT).chain(columns.iter().map(String::as_str)).collect();
        let manifest = home.manifest(&visits(&columns));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(home.vault().ingest(&manifest, &IngestOptions::default()));
        if let Err(error) = outcome {
            let said = format!("{error} {error:?}").to_lowercase();
            prop_assert!(!said.contains(&CANARY.to_lowercase()) && !said.contains("canary"), "{}", said);
        }
    }
}
