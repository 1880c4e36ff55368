//! The made-up records of the bench: any number of people, a few tables, the same at every run.
//!
//! Every record follows from its person's number alone, so that nothing is kept while a file is written
//! and a larger population begins with the people of a smaller one.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Goes up when what is generated changes, so that no older data is used again.
pub(super) const VERSION: u32 = 2;

/// The manifest of the generated files.
pub(super) const MANIFEST: &str = include_str!("manifest.toml");

/// Bytes that are gathered before a file is written to.
const BUFFER: usize = 1 << 20;

/// Days that the records span.
const DAYS: u64 = 3_653;

/// The year in which they begin.
const FIRST_YEAR: u64 = 2015;

/// Chapters of the diagnoses, and codes in each.
const CHAPTERS: u64 = 20;
const CODES: u64 = 15;

/// Diagnoses so rare that they must be withheld: each belongs to this many people, whatever the scale.
const RARE_CODES: u64 = 5;
const RARE_PEOPLE: u64 = 8;

/// Most records of one person in one table.
const MOST_RECORDS: u32 = 60;

/// Laboratory tests: name, and the middle of the results in hundredths.
const TESTS: [(&str, u64); 12] = [
    ("HbA1c", 620),
    ("LDL", 11_800),
    ("HDL", 5_400),
    ("ALT", 2_300),
    ("AST", 2_400),
    ("GGT", 3_300),
    ("creatinine", 80),
    ("eGFR", 7_400),
    ("haemoglobin", 1_380),
    ("platelets", 22_500),
    ("CRP", 30),
    ("glucose", 10_300),
];

/// A table that has a file of records of people.
#[derive(Clone, Copy, Debug)]
enum Table {
    Claims,
    Diagnoses,
    Labs,
    Patients,
    Prescriptions,
}

const TABLES: [Table; 5] =
    [Table::Claims, Table::Diagnoses, Table::Labs, Table::Patients, Table::Prescriptions];

/// Writes the files of all tables, and the manifest, into a folder.
pub(super) fn write(folder: &Path, people: u64) -> io::Result<()> {
    write_codes(&folder.join("icd10.csv"))?;
    std::fs::write(folder.join("manifest.toml"), MANIFEST)?;
    std::thread::scope(|scope| {
        let threads = TABLES.map(|table| {
            let path = folder.join(table.file());
            scope.spawn(move || table.write(&path, people))
        });
        let join = |thread: std::thread::ScopedJoinHandle<'_, io::Result<()>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a writer of records stopped")))
        };
        threads.into_iter().try_for_each(join)
    })
}

fn write_codes(path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "code,chapter")?;
    for code in 0..CHAPTERS * CODES {
        writeln!(out, "{},{}", Code(code), letter(code / CODES))?;
    }
    for rare in 0..RARE_CODES {
        writeln!(out, "Z9{rare},Z")?;
    }
    out.flush()
}

impl Table {
    fn file(self) -> &'static str {
        match self {
            Self::Claims => "claims.csv",
            Self::Diagnoses => "diagnoses.csv",
            Self::Labs => "labs.csv",
            Self::Patients => "patients.csv",
            Self::Prescriptions => "prescriptions.csv",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Claims => "patient_id,kind,claimed_on,cost",
            Self::Diagnoses => "patient_id,icd10,diagnosed_on",
            Self::Labs => "patient_id,test,measured_on,result",
            Self::Patients => "patient_id,sex,birth_year,prefecture,entered_on,left_on",
            Self::Prescriptions => "patient_id,atc,dispensed_on,days",
        }
    }

    /// The chance in per mille that one more record follows: m/(1 + m) gives m on average.
    fn more(self) -> u64 {
        match self {
            Self::Claims => 688,
            Self::Diagnoses => 655,
            Self::Labs => 722,
            Self::Patients => 0,
            Self::Prescriptions => 545,
        }
    }

    /// Tells the random numbers of one table from those of another.
    fn seed(self) -> u64 {
        match self {
            Self::Patients => 1,
            Self::Diagnoses => 2,
            Self::Claims => 3,
            Self::Labs => 4,
            Self::Prescriptions => 5,
        }
    }

    fn write(self, path: &Path, people: u64) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
        writeln!(out, "{}", self.header())?;
        for person in 0..people {
            let mut random = Random::of(self.seed(), person);
            match self {
                Self::Patients => write_patient(&mut out, person, &mut random)?,
                Self::Diagnoses => write_diagnoses(&mut out, person, self.more(), &mut random)?,
                Self::Claims | Self::Labs | Self::Prescriptions => {
                    for _ in 0..random.records(self.more()) {
                        self.write_record(&mut out, person, &mut random)?;
                    }
                }
            }
        }
        out.flush()
    }

    fn write_record(self, out: &mut impl Write, person: u64, random: &mut Random) -> io::Result<()> {
        match self {
            Self::Claims => {
                let kind = ["outpatient", "outpatient", "outpatient", "inpatient", "pharmacy", "dental"];
                let kind = kind.get(random.index(6)).unwrap_or(&"outpatient");
                let (day, size) = (Day(random.below(DAYS)), random.below(9));
                let cost = (500 << size) + random.below(500 << size);
                writeln!(out, "P{person},{kind},{day},{cost}")
            }
            Self::Labs => {
                let (test, middle) = TESTS.get(random.index(12)).copied().unwrap_or(("HbA1c", 620));
                let result = middle / 2 + random.below(middle / 2 + 1) + random.below(middle / 2 + 1);
                let day = Day(random.below(DAYS));
                writeln!(out, "P{person},{test},{day},{}.{:02}", result / 100, result % 100)
            }
            Self::Prescriptions => {
                let code = random.skewed(14 * 15);
                let days = [7, 14, 28, 30, 56, 90].get(random.index(6)).copied().unwrap_or(28);
                writeln!(
                    out,
                    "P{person},{}{:02},{},{days}",
                    letter(code % 14),
                    code / 14,
                    Day(random.below(DAYS))
                )
            }
            Self::Diagnoses | Self::Patients => Ok(()),
        }
    }
}

fn write_patient(out: &mut impl Write, person: u64, random: &mut Random) -> io::Result<()> {
    let sex = if random.below(100) < 51 { "F" } else { "M" };
    let birth_year = 1930 + (random.below(86) + random.below(86)) / 2;
    let prefecture = 1 + random.skewed(47);
    let entered = random.below(DAYS / 2);
    let left = entered + 30 + random.below(DAYS - entered - 30);
    writeln!(out, "P{person},{sex},{birth_year},{prefecture:02},{},{}", Day(entered), Day(left))
}

fn write_diagnoses(out: &mut impl Write, person: u64, more: u64, random: &mut Random) -> io::Result<()> {
    for _ in 0..random.records(more) {
        // Neighbours in the order of frequency are in different chapters.
        let rank = random.skewed(CHAPTERS * CODES);
        let code = rank % CHAPTERS * CODES + rank / CHAPTERS;
        writeln!(out, "P{person},{},{}", Code(code), Day(random.below(DAYS)))?;
    }
    if person < RARE_CODES * RARE_PEOPLE {
        writeln!(out, "P{person},Z9{},{}", person / RARE_PEOPLE, Day(random.below(DAYS)))?;
    }
    Ok(())
}

/// A diagnosis: the letter of its chapter, and a number in it.
struct Code(u64);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:02}", letter(self.0 / CODES), self.0 % CODES)
    }
}

fn letter(number: u64) -> char {
    u32::try_from(number).ok().and_then(|number| char::from_u32(number + u32::from('A'))).unwrap_or('Z')
}

/// A day of the records, counted from the first, as YYYY-MM-DD.
struct Day(u64);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut year, mut day) = (FIRST_YEAR, self.0);
        loop {
            let leap = u64::from(year.is_multiple_of(4));
            if day < 365 + leap {
                for (month, length) in (1..).zip(MONTHS) {
                    let length = if month == 2 { length + leap } else { length };
                    if day < length {
                        return write!(f, "{year}-{month:02}-{:02}", day + 1);
                    }
                    day -= length;
                }
            }
            day -= 365 + leap;
            year += 1;
        }
    }
}

/// Random numbers that follow from a table and a person (splitmix64).
struct Random(u64);

impl Random {
    fn of(table: u64, person: u64) -> Self {
        let mut random = Self(table.wrapping_mul(0xA076_1D64_78BD_642F).wrapping_add(person));
        // Neighbours must not go the same way one step apart.
        Self(random.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is at most 2³².
    fn below(&mut self, limit: u64) -> u64 {
        ((self.next() >> 32) * limit) >> 32
    }

    fn index(&mut self, length: u64) -> usize {
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// A number below `limit`, small ones far more often.
    fn skewed(&mut self, limit: u64) -> u64 {
        let uniform = self.next() >> 32;
        let squared = (uniform * uniform) >> 32;
        (((squared * uniform) >> 32) * limit) >> 32
    }

    fn records(&mut self, more: u64) -> u32 {
        let mut records = 0;
        while records < MOST_RECORDS && self.below(1000) < more {
            records += 1;
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &Path, file: &str) -> Vec<String> {
        std::fs::read_to_string(folder.join(file)).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [(0, "2015-01-01"), (424, "2016-02-29"), (425, "2016-03-01"), (3652, "2024-12-31")];
        for (day, expected) in cases {
            assert_eq!(Day(day).to_string(), expected);
        }
    }

    #[test]
    fn a_larger_population_begins_with_a_smaller_one() {
        let [small, large] = [500, 2_000].map(|people| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), people).unwrap();
            folder
        });
        for table in TABLES {
            let [small, large] = [&small, &large].map(|folder| lines(folder.path(), table.file()));
            assert_eq!(large.get(..small.len()), Some(small.as_slice()), "{}", table.file());
        }
        // About 8.9 records a person.
        let records: usize = TABLES.iter().map(|table| lines(large.path(), table.file()).len() - 1).sum();
        assert!((16_500..19_100).contains(&records), "{records}");
    }
}
