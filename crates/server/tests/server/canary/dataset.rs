//! A small dataset in which every value that is a person's own can be recognised wherever it turns up.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::Random;

/// How many people there are.
const PEOPLE: u64 = 60;

/// The people whose values the queries themselves may name.
const NAMED: u64 = 6;

/// What was planted.
pub(super) struct Secrets {
    /// Texts (and numbers and dates as text) that must be nowhere.
    pub(super) hidden: Vec<String>,
    /// Numbers as they are stored: integers, unscaled decimals and the bits of doubles.
    pub(super) numbers: Vec<u64>,
    /// Texts that queries may name, and that are therefore not searched for.
    pub(super) named: Vec<String>,
}

const MANIFEST: &str = r#"
dataset = "canary"
title = "Values that can be recognised"
source = "made by a test"
licence = "none"
pseudonym = "hmac"

[[table]]
name = "people"
file = "people.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "hospital", class = "unit", kind = "institution", type = "text" },
    { name = "physician", class = "identifier" },
    { name = "referred_by", class = "other-person" },
    { name = "notes", class = "free-text" },
    { name = "sex", class = "dimension", type = "text" },
    { name = "flag", class = "dimension", type = "boolean" },
    { name = "code", class = "dimension", type = "text" },
    { name = "number", class = "dimension", type = "integer" },
    { name = "amount", class = "measure", type = "decimal(14,2)" },
    { name = "level", class = "measure", type = "double" },
    { name = "age", class = "measure", type = "integer" },
    { name = "day", class = "date", type = "date" },
    { name = "seen", class = "date", type = "timestamp" },
]

[[table]]
name = "visits"
file = "visits.csv"
column = [
    { name = "patient_id", class = "subject" },
    { name = "ward", class = "dimension", type = "text" },
    { name = "cost", class = "measure", type = "integer" },
]
"#;

/// Writes the dataset, and answers what is in it.
pub(super) fn write(folder: &Path) -> Secrets {
    let mut random = Random(41);
    let mut secrets = Secrets { hidden: Vec::new(), numbers: Vec::new(), named: Vec::new() };
    let mut people =
        "patient_id,hospital,physician,referred_by,notes,sex,flag,code,number,amount,level,age,day,seen\n"
            .to_owned();
    let mut visits = "patient_id,ward,cost\n".to_owned();
    for person in 0..PEOPLE {
        let mut text = |kind: &str| format!("KNR{kind}{:010}", random.below(10_000_000_000));
        let texts = [text("S"), text("D"), text("R"), text("N"), text("C")];
        let [subject, physician, referred, notes, code] = &texts;
        // Twelve digits that begin with the same five.
        let mut digits = || 731_940_000_000 + random.below(10_000_000);
        let (number, whole, level, cost) = (digits(), digits(), digits(), digits());
        let cents = 10 + random.below(90);
        let (month, day) = (1 + person % 12, 1 + person % 28);
        let date = format!("17{:02}-{month:02}-{day:02}", 10 + person);
        let (sex, flag, age) = (["F", "M"][usize::from(person % 2 == 1)], person % 3 == 0, 30 + person % 40);
        let hospital = format!("KNRH000000000{}", person % 6);
        let ward = ["north", "south"][usize::from(person % 4 < 2)];
        writeln!(
            people,
            "{subject},{hospital},{physician},{referred},{notes},{sex},{flag},{code},{number},{whole}.{cents},\
             {level}.5,{age},{date},{date} 11:22:33"
        )
        .unwrap();
        writeln!(visits, "{subject},{ward},{cost}\n{subject},{ward},{}", cost - 1).unwrap();
        let numbers = [number, whole, level, cost, cost - 1].map(|number| number.to_string());
        if person < NAMED {
            secrets.named.extend(texts.into_iter().chain(numbers).chain([date]));
        } else {
            secrets.hidden.extend(texts.into_iter().chain(numbers).chain([date, hospital]));
            #[expect(clippy::cast_precision_loss, reason = "twelve digits and a half fit a double")]
            let bits = (level as f64 + 0.5).to_bits();
            secrets.numbers.extend([number, whole * 100 + cents, bits, cost, cost - 1]);
        }
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("people.csv"), people).unwrap();
    fs::write(folder.join("visits.csv"), visits).unwrap();
    fs::write(folder.join("manifest.toml"), MANIFEST).unwrap();
    secrets.hidden.sort();
    secrets.hidden.dedup();
    secrets
}
