//! What an analysis asks, as a digest: by it an earlier answer to the same question is found.
//!
//! It is of the words of the text, the parameters and code lists, and of the plan, in which each column has the name
//! of its table: the same words may mean other columns where a project was granted others. No record is read for it.

use crate::model::{Analysis, Digest, StatementName};

/// What is asked, while its statements are judged.
pub(super) struct Asked(Vec<u8>);

impl Asked {
    /// Parameters and code lists of an analysis.
    pub(super) fn with(analysis: &Analysis) -> Self {
        let mut asked = Self(Vec::new());
        asked.add(b"sekisho asked 1");
        for parameter in &analysis.parameters {
            asked.add(parameter.kind().as_bytes());
            asked.add(parameter.text().as_bytes());
        }
        for list in &analysis.lists {
            asked.add(list.name.as_str().as_bytes());
            asked.add(list.csv.as_bytes());
        }
        asked
    }

    /// The next statement.
    pub(super) fn add_statement(&mut self, name: Option<&StatementName>, words: &Digest, plan: &str) {
        self.add(b"statement");
        self.add(name.map(ToString::to_string).unwrap_or_default().as_bytes());
        self.add(words.as_bytes());
        self.add(plan.as_bytes());
    }

    /// The digest of all that was added.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// Lengths first, so that no two questions give the same bytes.
    fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CodeList, Parameter};

    #[test]
    fn parameters_lists_names_words_and_plans_are_part_of_the_question() {
        let analysis = |parameters: Vec<Parameter>, lists: &[(&str, &str)]| {
            let list =
                |(name, csv): &(&str, &str)| CodeList { name: name.parse().unwrap(), csv: (*csv).into() };
            Analysis { sql: String::new(), parameters, lists: lists.iter().map(list).collect() }
        };
        let digest = |analysis: &Analysis, statements: &[(&str, &str, &str)]| {
            let mut asked = Asked::with(analysis);
            for (name, words, plan) in statements {
                let name = Some(*name).filter(|name| !name.is_empty()).map(|name| name.parse().unwrap());
                asked.add_statement(name.as_ref(), &Digest::of(words.as_bytes()), plan);
            }
            asked.digest()
        };
        let nothing = analysis(Vec::new(), &[]);
        let seven = |parameter| analysis(vec![parameter], &[]);
        let all = [
            digest(&nothing, &[("", "words", "plan")]),
            digest(&nothing, &[("", "words", "other")]),
            digest(&nothing, &[("", "others", "plan")]),
            digest(&nothing, &[("main", "words", "plan")]),
            digest(&nothing, &[("main", "words", "plan"), ("more", "words", "plan")]),
            digest(&nothing, &[("more", "words", "plan"), ("main", "words", "plan")]),
            digest(&seven(Parameter::Integer(7)), &[("", "words", "plan")]),
            digest(&seven(Parameter::Text("7".into())), &[("", "words", "plan")]),
            digest(&analysis(Vec::new(), &[("codes", "code\nE11\n")]), &[("", "words", "plan")]),
            digest(&analysis(Vec::new(), &[("codes", "code\nE10\n")]), &[("", "words", "plan")]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| one != other), "{place}");
        }
    }
}
