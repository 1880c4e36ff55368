//! The twelve queries of the bench.

/// One analysis.
#[derive(Debug)]
pub(super) struct Query {
    /// What it is called in the report.
    pub(super) name: &'static str,
    /// The SQL; what stands in braces is only there when people are counted by COUNT(DISTINCT).
    template: &'static str,
}

impl Query {
    /// As an analyst would write it.
    pub(super) fn plain(&self) -> String {
        parts(self.template).map(|(part, braced)| if braced { "" } else { part }).collect()
    }

    /// With the people of each aggregate counted beside it.
    pub(super) fn count_distinct(&self) -> String {
        parts(self.template).map(|(part, _)| part).collect()
    }
}

/// The text between braces, and whether it stood in them.
fn parts(template: &'static str) -> impl Iterator<Item = (&'static str, bool)> {
    template.split(['{', '}']).zip([false, true].into_iter().cycle())
}

/// The suite, in the order of the report.
pub(super) const SUITE: [Query; 12] = [
    Query {
        name: "counts by code",
        template: "
SELECT icd10, COUNT(*) AS n{, COUNT(DISTINCT patient_id) AS people}
FROM diagnoses GROUP BY icd10",
    },
    Query {
        name: "by sex and year",
        template: "
SELECT p.sex, date_part('year', c.claimed_on) AS year, COUNT(*) AS n, SUM(c.cost) AS cost
       {, COUNT(DISTINCT c.patient_id) AS people}
FROM claims c JOIN patients p ON c.patient_id = p.patient_id
GROUP BY p.sex, date_part('year', c.claimed_on)",
    },
    Query {
        name: "cohort CTE",
        template: "
WITH cohort AS (
    SELECT patient_id, MIN(diagnosed_on) AS since FROM diagnoses WHERE icd10 LIKE 'E0%' GROUP BY patient_id)
SELECT p.sex, COUNT(*) AS n, AVG(p.birth_year) AS birth_year{, COUNT(DISTINCT c.patient_id) AS people}
FROM cohort c JOIN patients p ON c.patient_id = p.patient_id
WHERE c.since >= DATE '2017-01-01' GROUP BY p.sex",
    },
    Query {
        name: "first-event window",
        template: "
SELECT date_part('year', diagnosed_on) AS year, COUNT(*) AS n{, COUNT(DISTINCT patient_id) AS people}
FROM (SELECT patient_id, diagnosed_on,
             ROW_NUMBER() OVER (PARTITION BY patient_id ORDER BY diagnosed_on) AS place
      FROM diagnoses) AS events
WHERE place = 1 GROUP BY date_part('year', diagnosed_on)",
    },
    Query {
        name: "comorbidity join",
        template: "
SELECT b.icd10, COUNT(*) AS n{, COUNT(DISTINCT b.patient_id) AS people}
FROM diagnoses a JOIN diagnoses b ON a.patient_id = b.patient_id
WHERE a.icd10 = 'E00' AND b.icd10 <> 'E00' GROUP BY b.icd10",
    },
    Query {
        name: "lab trend",
        template: "
SELECT date_trunc('month', measured_on) AS month, COUNT(*) AS n, AVG(result) AS mean
       {, COUNT(DISTINCT patient_id) AS people}
FROM labs WHERE test = 'HbA1c' GROUP BY date_trunc('month', measured_on)",
    },
    Query {
        name: "cost percentiles",
        template: "
SELECT kind, percentile_cont(0.5) WITHIN GROUP (ORDER BY cost) AS half,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY cost) AS most{, COUNT(DISTINCT patient_id) AS people}
FROM claims GROUP BY kind",
    },
    Query {
        name: "incidence",
        template: "
WITH onset AS (
    SELECT patient_id, MIN(diagnosed_on) AS onset_on FROM diagnoses WHERE icd10 LIKE 'I%' GROUP BY patient_id)
SELECT p.sex, COUNT(o.onset_on) AS cases, SUM(COALESCE(o.onset_on, p.left_on) - p.entered_on) AS days
       {, COUNT(DISTINCT p.patient_id) AS people}
FROM patients p LEFT JOIN onset o ON o.patient_id = p.patient_id
WHERE o.onset_on IS NULL OR o.onset_on > p.entered_on GROUP BY p.sex",
    },
    Query {
        name: "NOT EXISTS",
        template: "
SELECT p.prefecture, COUNT(*) AS n{, COUNT(DISTINCT p.patient_id) AS people}
FROM patients p
WHERE NOT EXISTS (SELECT 1 FROM prescriptions r WHERE r.patient_id = p.patient_id AND r.atc LIKE 'A0%')
GROUP BY p.prefecture",
    },
    Query {
        name: "GROUPING SETS",
        template: "
SELECT p.sex, p.prefecture, COUNT(*) AS n{, COUNT(DISTINCT patient_id) AS people}
FROM patients p GROUP BY GROUPING SETS ((p.sex, p.prefecture), (p.sex), (p.prefecture), ())",
    },
    Query {
        name: "two statistics joined",
        template: "
WITH everybody AS (
         SELECT prefecture, COUNT(*) AS n{, COUNT(DISTINCT patient_id) AS people}
         FROM patients GROUP BY prefecture),
     treated AS (
         SELECT p.prefecture, COUNT(*) AS n, SUM(r.days) AS days{, COUNT(DISTINCT p.patient_id) AS people}
         FROM prescriptions r JOIN patients p ON r.patient_id = p.patient_id GROUP BY p.prefecture)
SELECT e.prefecture, t.n * 1000.0 / e.n AS rate, t.days{, e.people, t.people AS treated}
FROM everybody e JOIN treated t ON e.prefecture = t.prefecture",
    },
    Query {
        name: "crosstab",
        template: "
SELECT p.prefecture, i.chapter, COUNT(*) AS n{, COUNT(DISTINCT d.patient_id) AS people}
FROM diagnoses d JOIN patients p ON d.patient_id = p.patient_id JOIN icd10 i ON d.icd10 = i.code
GROUP BY p.prefecture, i.chapter",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_variant_counts_people() {
        for query in &SUITE {
            let (plain, counted) = (query.plain(), query.count_distinct());
            assert!(!plain.contains("DISTINCT"), "{}", query.name);
            assert!(counted.contains("COUNT(DISTINCT"), "{}", query.name);
            assert!(![plain, counted].concat().contains(['{', '}']), "{}", query.name);
        }
    }
}
