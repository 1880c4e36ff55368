//! The report of the bench: medians and ratios, as a table or as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::suite::Query;
use super::{Way, usage};

/// The names of the stages of a checked run, in order.
const STAGES: [&str; 4] = ["plan_s", "execute_s", "check_s", "publish_s"];

/// Everything that was measured.
pub(super) struct Report {
    pub(super) people: u32,
    /// Rows of all tables.
    pub(super) rows: u64,
    pub(super) threads: usize,
    pub(super) times: Vec<Times>,
}

/// How long one query took, run by run.
pub(super) struct Times {
    pub(super) query: &'static Query,
    /// Elapsed time and processor time of each run, by way.
    runs: [Vec<(Duration, Duration)>; 3],
    /// The stages of each checked run.
    pub(super) stages: Vec<[Duration; 4]>,
    /// The code by which it was refused, or failed.
    pub(super) refused: Option<String>,
}

impl Times {
    pub(super) fn of(query: &'static Query) -> Self {
        Self { query, runs: [const { Vec::new() }; 3], stages: Vec::new(), refused: None }
    }

    pub(super) fn add(&mut self, way: Way, elapsed: Duration, processor: Duration) {
        let [plain, count_distinct, sekisho] = &mut self.runs;
        match way {
            Way::Plain => plain.push((elapsed, processor)),
            Way::CountDistinct => count_distinct.push((elapsed, processor)),
            Way::Sekisho => sekisho.push((elapsed, processor)),
        }
    }

    fn runs(&self, way: Way) -> &[(Duration, Duration)] {
        let [plain, count_distinct, sekisho] = &self.runs;
        match way {
            Way::Plain => plain,
            Way::CountDistinct => count_distinct,
            Way::Sekisho => sekisho,
        }
    }

    /// The median of the elapsed times, in seconds.
    fn seconds(&self, way: Way) -> Option<f64> {
        median(self.runs(way).iter().map(|(elapsed, _)| elapsed.as_secs_f64()))
    }

    /// The median of the processor times, in seconds.
    fn processor(&self, way: Way) -> Option<f64> {
        median(self.runs(way).iter().map(|(_, processor)| processor.as_secs_f64()))
    }

    /// How many times as long as another way the checked run took.
    fn ratio(&self, to: Way) -> Option<f64> {
        Some(self.seconds(Way::Sekisho)? / self.seconds(to)?)
    }

    fn stage(&self, number: usize) -> Option<f64> {
        median(self.stages.iter().filter_map(|stages| Some(stages.get(number)?.as_secs_f64())))
    }

    fn json(&self) -> Value {
        let mut query = json!({
            "name": self.query.name,
            "plain_s": self.seconds(Way::Plain),
            "count_distinct_s": self.seconds(Way::CountDistinct),
            "sekisho_s": self.seconds(Way::Sekisho),
            "ratio_plain": self.ratio(Way::Plain),
            "ratio_count_distinct": self.ratio(Way::CountDistinct),
            "plain_cpu_s": self.processor(Way::Plain),
            "sekisho_cpu_s": self.processor(Way::Sekisho),
        });
        if let Some(fields) = query.as_object_mut() {
            for (number, name) in STAGES.iter().enumerate() {
                fields.insert((*name).to_owned(), json!(self.stage(number)));
            }
            if let Some(code) = &self.refused {
                fields.insert("refused".to_owned(), json!(code));
            }
        }
        query
    }
}

impl Report {
    fn ratios(&self, to: Way) -> impl Iterator<Item = f64> {
        self.times.iter().filter_map(move |times| times.ratio(to))
    }

    /// As `docs/speed.md` describes it.
    pub(super) fn json(&self) -> String {
        json!({
            "people": self.people,
            "rows": self.rows,
            "threads": self.threads,
            "queries": self.times.iter().map(Times::json).collect::<Vec<_>>(),
            "median_ratio_plain": median(self.ratios(Way::Plain)),
            "median_ratio_count_distinct": median(self.ratios(Way::CountDistinct)),
            "worst_ratio_plain": self.ratios(Way::Plain).reduce(f64::max),
            "peak_rss_bytes": usage::peak(),
        })
        .to_string()
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![
            format!("{} people, {} rows, {} threads", self.people, self.rows, self.threads),
            String::new(),
            format!(
                "{:<23}{:>9}{:>16}{:>10}{:>8}{:>9}   {:>7}{:>9}{:>8}{:>9}",
                "seconds",
                "plain",
                "count distinct",
                "Sekisho",
                "/plain",
                "/count",
                "plan",
                "execute",
                "check",
                "publish"
            ),
        ];
        for times in &self.times {
            let stage = |number| shown(times.stage(number), 3);
            let mut line = format!(
                "{:<23}{:>9}{:>16}{:>10}{:>8}{:>9}   {:>7}{:>9}{:>8}{:>9}",
                times.query.name,
                shown(times.seconds(Way::Plain), 3),
                shown(times.seconds(Way::CountDistinct), 3),
                shown(times.seconds(Way::Sekisho), 3),
                shown(times.ratio(Way::Plain), 2),
                shown(times.ratio(Way::CountDistinct), 2),
                stage(0),
                stage(1),
                stage(2),
                stage(3)
            );
            if let Some(code) = &times.refused {
                line.push_str(&format!("   {code}"));
            }
            lines.push(line);
        }
        let worst = self.ratios(Way::Plain).reduce(f64::max);
        let peak = usage::peak().map_or("unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
        lines.push(String::new());
        lines.push(format!(
            "median ratio to plain {}, to COUNT(DISTINCT) {}; worst to plain {}; peak memory {peak}",
            shown(median(self.ratios(Way::Plain)), 2),
            shown(median(self.ratios(Way::CountDistinct)), 2),
            shown(worst, 2)
        ));
        lines.join("\n")
    }
}

pub(super) fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The middle value; of an even number the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::suite::SUITE;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn a_query_that_was_refused_has_no_ratio_and_lowers_none() {
        let seconds = Duration::from_secs;
        let mut done = Times::of(&SUITE[0]);
        done.add(Way::Plain, seconds(2), seconds(2));
        done.add(Way::Sekisho, seconds(3), seconds(3));
        let mut refused = Times::of(&SUITE[1]);
        refused.add(Way::Plain, seconds(2), seconds(2));
        refused.refused = Some("NOT_SUPPORTED".into());
        let report = Report { people: 1000, rows: 8900, threads: 1, times: vec![done, refused] };
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["median_ratio_plain"], 1.5);
        assert_eq!(json["worst_ratio_plain"], 1.5);
        assert_eq!(json["queries"][1]["ratio_plain"], Value::Null);
        assert_eq!(json["queries"][1]["refused"], "NOT_SUPPORTED");
        assert!(report.table().contains("NOT_SUPPORTED"));
    }
}
