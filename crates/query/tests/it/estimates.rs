//! Models and tables over the demonstration's cohort, from SQL to the released numbers.
//!
//! The expected numbers are those of statsmodels 0.14 (`OLS`, `Logit`, `PHReg` with `ties="efron"`, `Table2x2`), of
//! lifelines 0.30 (`logrank_test`) and of scipy (`chi2_contingency` without correction, quantiles of χ² for the rate)
//! over `tests/data/nafld/patients.csv.gz`, records without a bmi left out where it is read.

use std::num::NonZeroUsize;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Float64Type;

use super::fixture::{Fixture, profile};
use sekisho_model::Code;

/// One row of each person.
const PEOPLE: &str = "WITH p AS (SELECT patient_id, MAX(age) AS age, MAX(male) AS male, MAX(bmi) AS bmi, \
                      MAX(died) AS died, MAX(followup_days) AS days FROM patients GROUP BY patient_id)";

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-3), "{what}: {found} {expected}");
}

/// The terms of a model, in their order.
async fn check_terms(fixture: &Fixture, with: &str, model: &str, expected: &[[f64; 4]]) {
    let with = if with.is_empty() { "WITH".to_owned() } else { format!("{with},") };
    let from = if with == "WITH" { "patients" } else { "p" };
    let sql = format!(
        "{with} m AS (SELECT {model} AS model FROM {from}), t AS (SELECT unnest(m.model['terms']) AS t FROM m) \
         SELECT t.t['estimate'] AS b, t.t['std_error'] AS se, t.t['ci_low'] AS low, t.t['ci_high'] AS high \
         FROM t ORDER BY t.t['term']"
    );
    let answer = fixture.ask(&sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
    assert_eq!(answer.withheld, [], "{model}");
    assert_eq!(answer.batch.num_rows(), expected.len(), "{model}");
    for (row, numbers) in expected.iter().enumerate() {
        for (column, expected) in answer.batch.columns().iter().zip(numbers) {
            close(column.as_primitive::<Float64Type>().value(row), *expected, model);
        }
    }
}

#[tokio::test]
async fn a_linear_model_is_that_of_statsmodels() {
    let fixture = Fixture::cohort().await;
    let expected = [
        [3.033776166e+01, 2.444363246e-01, 2.985862918e+01, 3.081689413e+01],
        [-7.712745976e-03, 4.262889721e-03, -1.606865993e-02, 6.431679773e-04],
        [3.363378628e-01, 1.270988533e-01, 8.720472749e-02, 5.854709980e-01],
    ];
    check_terms(&fixture, "", "ols(bmi, age, male)", &expected).await;
    let sql = "SELECT m.model['n'] AS n, m.model['dof'] AS dof, m.model['events'] AS events \
               FROM (SELECT ols(bmi, age, male) AS model FROM patients) m";
    assert_eq!(fixture.ask(sql).await.unwrap().rows(), [["12588", "12585", "-"]]);
}

#[tokio::test]
async fn logistic_regression_and_hazards_are_those_of_statsmodels() {
    let fixture = Fixture::cohort().await;
    let expected = [
        [-9.175615752e+00, 2.824956897e-01, -9.729297129e+00, -8.621934374e+00],
        [9.970060745e-02, 3.019244980e-03, 9.378299603e-02, 1.056182189e-01],
        [3.037508445e-01, 7.138877198e-02, 1.638314225e-01, 4.436702664e-01],
        [1.548915343e-02, 5.338264827e-03, 5.026346634e-03, 2.595196023e-02],
    ];
    check_terms(&fixture, PEOPLE, "logit(died, age, male, bmi)", &expected).await;
    // A truth value says the same.
    check_terms(&fixture, PEOPLE, "logit(died = 1, age, male = 1, bmi)", &expected).await;
    let expected = [
        [1.006011233e-01, 2.649715584e-03, 9.540777621e-02, 1.057944704e-01],
        [3.661404862e-01, 6.284877701e-02, 2.429591468e-01, 4.893218256e-01],
        [1.702239614e-02, 4.944669608e-03, 7.331021793e-03, 2.671377049e-02],
    ];
    check_terms(&fixture, PEOPLE, "cox(days, died, age, male, bmi)", &expected).await;
}

#[tokio::test]
async fn ratios_and_tests_are_those_of_statsmodels_and_lifelines() {
    let fixture = Fixture::cohort().await;
    let ratio = ["estimate", "ci_low", "ci_high"];
    let test = ["statistic", "p_value", "dof"];
    let cases = [
        ("risk_ratio(died, male)", ratio, [1.1669200072, 1.0538486594573848, 1.2921232010261927]),
        ("odds_ratio(died = 1, male)", ratio, [1.1822541578, 1.0585220607282804, 1.3204494695853821]),
        ("rate(died, days)", ratio, [3.2243096686e-05, 3.0554486050e-05, 3.4000749563e-05]),
        ("chi_square(died, male)", test, [8.826936266, 2.968162851e-03, 1.0]),
        ("log_rank(days, died, male)", test, [11.29484667, 7.772252009e-04, 1.0]),
        ("smd(age, male)", ["estimate"; 3], [-1.0282930100e-01; 3]),
    ];
    for (call, parts, expected) in cases {
        let mut places = 0..3;
        let shown =
            parts.map(|part| format!("CAST(m.model['{part}'] AS DOUBLE) AS c{}", places.next().unwrap()));
        let shown = shown.join(", ");
        let sql = format!("{PEOPLE} SELECT {shown} FROM (SELECT {call} AS model FROM p) m");
        let answer = fixture.ask(&sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        assert_eq!(answer.withheld, [], "{call}");
        for (column, expected) in answer.batch.columns().iter().zip(expected) {
            close(column.as_primitive::<Float64Type>().value(0), expected, call);
        }
    }
}

#[tokio::test]
async fn a_curve_of_survival_is_that_of_lifelines() {
    // `KaplanMeierFitter().fit(np.ceil(d.followup_days / 365) * 365, d.died)`
    let expected = [
        (0, [365.0, 0.9904837883, 0.9889339445, 0.9918174692, 17549.0]),
        (9, [3650.0, 0.8970165728, 0.8906324917, 0.9030485770, 4578.0]),
        (16, [6205.0, 0.7960886919, 0.7789844117, 0.8120333646, 649.0]),
    ];
    let fixture = Fixture::cohort().await;
    let sql = format!(
        "{PEOPLE}, s AS (SELECT unnest(kaplan_meier(days, died, 365)) AS s FROM p) SELECT CAST(s.s['time'] AS DOUBLE) \
         AS time, s.s['survival'] AS share, s.s['ci_low'] AS low, s.s['ci_high'] AS high, \
         CAST(s.s['at_risk'] AS DOUBLE) AS n FROM s ORDER BY time"
    );
    let answer = fixture.ask(&sql).await.unwrap();
    // In the last two years fewer than ten die, and so stay with those of the year before.
    assert_eq!((answer.batch.num_rows(), answer.withheld), (17, vec![]));
    for (row, numbers) in expected {
        for (column, expected) in answer.batch.columns().iter().zip(numbers) {
            close(column.as_primitive::<Float64Type>().value(row), expected, "curve");
        }
    }
}

#[tokio::test]
async fn what_reads_a_withheld_model_is_withheld() {
    let fixture = Fixture::cohort().await;
    // Of the oldest only few are there.
    let sql = "WITH m AS (SELECT age >= 95 AS old, COUNT(*) AS n, risk_ratio(died, male) AS model FROM patients \
               WHERE age >= 90 GROUP BY age >= 95) SELECT m.old, m.n, m.model['estimate'] AS rr FROM m ORDER BY 1";
    let answer = fixture.ask(sql).await.unwrap();
    assert!(answer.rows().iter().any(|row| row[2] == "#"), "{:?}", answer.rows());
    let sql = "WITH m AS (SELECT risk_ratio(died, male) AS model FROM patients WHERE age > 97) \
               SELECT m.model['estimate'] + 1 AS rr FROM m";
    assert_eq!(fixture.ask(sql).await.unwrap().rows(), [["#"]]);
    let sql = "WITH m AS (SELECT ols(bmi, age) AS model FROM patients WHERE age > 97) \
               SELECT unnest(m.model['terms']) AS term FROM m";
    assert_eq!(fixture.ask(sql).await.unwrap().withheld, [(0, 0)]);
}

#[tokio::test]
async fn a_model_of_one_person_is_not_to_be_had() {
    let fixture = Fixture::cohort().await;
    for model in [
        // A covariate that few people have.
        "ols(bmi, age, CASE WHEN age > 97 THEN 1 ELSE 0 END)",
        "logit(died, age, age > 97)",
        "risk_ratio(died, age > 97)",
        // The same number twice.
        "ols(bmi, age, 2 * age)",
    ] {
        let sql = format!("{PEOPLE} SELECT {model} AS model FROM p");
        let answer = fixture.ask(&sql).await;
        assert!(
            answer.as_ref().is_ok_and(|answer| answer.withheld == [(0, 0)]) || answer.is_err(),
            "{model}"
        );
    }
}

#[tokio::test]
async fn digits_of_a_model_do_not_tell_small_numbers() {
    let fixture = Fixture::cohort().await;
    // By age and outcome a dozen numbers are below ten; of the whole cohort too many for all digits.
    for (model, ages, withheld) in [
        ("logit(died, age)", "age >= 85", true),
        ("poisson(died, age)", "age >= 85", true),
        ("logit(died, age, male)", "age > 0", false),
    ] {
        let sql = format!("{PEOPLE} SELECT {model} AS model FROM p WHERE {ages}");
        let answer = fixture.ask(&sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
        assert_eq!(!answer.withheld.is_empty(), withheld, "{model}");
    }
}

#[tokio::test]
async fn nobodys_number_is_out_of_place() {
    let fixture = Fixture::cohort().await;
    let two = "CASE WHEN age > 80 THEN 2 * died ELSE died END";
    let people = format!("{PEOPLE}, q AS (SELECT age, male, {two} AS event FROM p)");
    let ask = |model: &str, field: &str| {
        format!("{people}, m AS (SELECT {model} AS model FROM q) SELECT m.model['{field}'] AS n FROM m")
    };
    for (numbers, truths, field) in [
        ("risk_ratio(event, male)", "risk_ratio(event <> 0, male)", "estimate"),
        ("logit(event, age, male)", "logit(event <> 0, age, male)", "events"),
    ] {
        let [one, other] = [numbers, truths].map(|model| ask(model, field));
        let one = fixture.ask(&one).await.unwrap();
        assert_eq!(
            (one.rows(), one.withheld),
            (fixture.ask(&other).await.unwrap().rows(), vec![]),
            "{numbers}"
        );
    }
}

#[tokio::test]
async fn models_that_have_no_rule_are_refused_with_advice() {
    let fixture = Fixture::cohort().await;
    let cases = [
        ("SELECT logit(died, age) FROM patients", Code::AggregateNotAllowed, "GROUP BY patient_id"),
        (
            "SELECT cox(followup_days, died, age) FROM patients",
            Code::AggregateNotAllowed,
            "GROUP BY patient_id",
        ),
        (
            "SELECT kaplan_meier(followup_days, died) FROM patients",
            Code::AggregateNotAllowed,
            "GROUP BY patient_id",
        ),
        ("SELECT ols(bmi) FROM patients", Code::InvalidQuery, ""),
        ("SELECT ols(DISTINCT bmi, age) FROM patients", Code::AggregateNotAllowed, ""),
        ("SELECT risk_ratio(died, bmi) FROM patients", Code::InvalidQuery, ""),
        ("SELECT ols(bmi, age + 1000 * male) FROM patients", Code::ExpressionNotAllowed, ""),
        (
            "SELECT ols(bmi, age) OVER (PARTITION BY patient_id) FROM patients",
            Code::FunctionNotAllowed,
            "without OVER",
        ),
        ("SELECT unnest(age) FROM patients", Code::InvalidQuery, ""),
        ("SELECT ols(bmi, power(10, age)) FROM patients", Code::ExpressionNotAllowed, ""),
        ("SELECT patient_id, ols(bmi, age) FROM patients GROUP BY patient_id", Code::AggregateNotAllowed, ""),
        ("SELECT get_field(age, 'n') FROM patients", Code::InvalidQuery, ""),
    ];
    for (sql, words) in [
        ("kaplan_meier(days, died, 7)", "a width such as 10"),
        ("kaplan_meier(days + 3, died, 365)", "as it is"),
        ("kaplan_meier(days, died, age)", "365"),
    ] {
        let refusal = fixture.refusal(&format!("{PEOPLE} SELECT {sql} FROM p"));
        assert!(refusal.hint.contains(words), "{sql}: {refusal:?}");
    }
    for (sql, code, words) in cases {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, code, "{sql}: {refusal:?}");
        assert!(refusal.hint.contains(words), "{sql}: {refusal:?}");
    }
}

#[tokio::test]
async fn partitions_decide_no_bit_of_a_model() {
    let mut fixture = Fixture::cohort().await;
    let sql = format!(
        "{PEOPLE} SELECT logit(died, age, bmi) AS a, cox(days, died, age) AS b, ols(bmi, age) AS c FROM p"
    );
    let one = fixture.bytes(&sql, &profile("japan-rwd")).await.unwrap();
    fixture.engine = fixture.engine.clone().with_partitions(NonZeroUsize::new(3).unwrap());
    assert_eq!(fixture.bytes(&sql, &profile("japan-rwd")).await.unwrap(), one);
}
