//! Groups that are cut too finely, and conditions that could single people out.

use sekisho_model::{Code, Limits, Stricter};

use super::fixture::{Fixture, ward};

/// Each is refused, and the refusal has these words.
fn refused(fixture: &Fixture, cases: &[(&str, &str)]) {
    for (words, sql) in cases {
        let refusal = fixture.refusal(sql);
        assert_eq!(refusal.code, Code::ExpressionNotAllowed, "{sql}: {refusal:?}");
        let text = format!("{} {}", refusal.message, refusal.hint);
        assert!(text.contains(words) && refusal.position.is_some(), "{sql}: {refusal:?}");
    }
}

fn allowed(fixture: &Fixture, cases: &[&str]) {
    for sql in cases {
        if let Err(refusal) = sekisho_query::plan(*sql, &fixture.view, &Limits::default()) {
            panic!("{sql}: {refusal:?}");
        }
    }
}

/// What the hint says where a single value could be cut off.
const RANGES: &str = "ranges by <, <=, >, >= or BETWEEN whose ends are multiples of 200";

/// Conditions that would cut `points` between its steps, with what the refusal says.
const CUTS: &[(&str, &str)] = &[
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points = 4000"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points <> 4000"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points IN (200, 400)"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points > 4001"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE 4001 < points"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points BETWEEN 200 AND 4001"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points * 2 > 200"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points + 1 > 200"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE -points > -4001"),
    (RANGES, "SELECT count(*) FILTER (WHERE points = 4000) AS n FROM claims"),
    (RANGES, "SELECT sum(CASE WHEN points = 4000 THEN 1 ELSE 0 END) AS n FROM claims"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE CASE WHEN points = 4000 THEN true ELSE false END"),
    (
        RANGES,
        "SELECT count(*) AS n FROM (SELECT patient_id, sum(points) AS s FROM claims GROUP BY patient_id) t WHERE s = 4000",
    ),
    (
        RANGES,
        "SELECT count(*) AS n FROM (SELECT patient_id, max(points) AS s FROM claims GROUP BY patient_id HAVING max(points) > 4001) t",
    ),
    (
        RANGES,
        "SELECT count(*) AS n FROM patients p WHERE EXISTS (SELECT 1 FROM claims c WHERE c.patient_id = p.patient_id AND c.points = 4000)",
    ),
    (
        RANGES,
        "SELECT count(*) AS n FROM (SELECT patient_id, lag(points) OVER (PARTITION BY patient_id ORDER BY date) AS b FROM claims) t WHERE b = 4000",
    ),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE least(points, 1216) = points"),
    (
        RANGES,
        "SELECT count(*) AS n FROM claims c JOIN patients p USING (patient_id) JOIN (VALUES ('F', 1216), ('M', 1216)) v(s, x) ON v.s = p.sex WHERE c.points >= v.x",
    ),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE sqrt(points) > 20"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE signum(points - 1216) < 1"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE abs(points - 1216) < 1"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE abs(points - 1200) < 16"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE nullif(points, 1216) IS NULL"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE points * points > 1600000"),
    (
        RANGES,
        "SELECT count(*) AS n FROM (SELECT patient_id, points, max(1234) OVER (PARTITION BY patient_id) AS cut FROM claims) t WHERE points > cut",
    ),
    (
        RANGES,
        "SELECT count(*) AS n FROM claims c JOIN patients p ON p.patient_id = c.patient_id WHERE c.points > p.birth_year",
    ),
    (
        "add no number in it",
        "SELECT count(*) AS n FROM claims c JOIN patients p ON p.patient_id = c.patient_id WHERE c.points - 1.2 * p.birth_year > 100",
    ),
    (
        RANGES,
        "SELECT count(*) AS n FROM claims c JOIN (SELECT patient_id, max(CASE WHEN sex = 'F' THEN 12345 ELSE 12345 END) AS cut FROM patients \
                 GROUP BY patient_id) k ON k.patient_id = c.patient_id WHERE c.points > k.cut",
    ),
    (
        "may only be a range",
        "SELECT count(*) AS n FROM claims c JOIN patients p ON p.patient_id = c.patient_id JOIN (VALUES (3159)) v(x) ON c.points + 0 * p.birth_year = v.x",
    ),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE left(CAST(points AS VARCHAR), 4) = '1216'"),
    (RANGES, "SELECT count(*) AS n FROM claims WHERE CAST(points AS VARCHAR) LIKE '1216%'"),
    (
        "at most two digits",
        "SELECT count(*) AS n FROM claims c JOIN patients p USING (patient_id) WHERE c.points / p.birth_year > 2.01",
    ),
    (
        "add no number in it",
        "SELECT count(*) AS n FROM claims c JOIN patients p USING (patient_id) WHERE (c.points - 1216) / p.birth_year > 0",
    ),
    (
        "add no number in it",
        "SELECT count(*) AS n FROM claims c JOIN patients p USING (patient_id) WHERE c.points - 0 * p.birth_year > 12",
    ),
];

/// Conditions that cut it at its steps.
const RANGED: &[&str] = &[
    "SELECT count(*) AS n FROM claims WHERE points > 4000",
    "SELECT count(*) AS n FROM claims WHERE points BETWEEN 200 AND 4000",
    "SELECT count(*) AS n FROM claims WHERE points / 2.0 > 100",
    "SELECT count(*) AS n FROM claims WHERE points - 200 > 0",
    "SELECT count(*) AS n FROM claims WHERE points IS NOT NULL",
    "SELECT count(*) AS n FROM claims a JOIN claims b ON b.patient_id = a.patient_id WHERE a.points < b.points",
    "SELECT count(*) AS n FROM claims c JOIN patients p USING (patient_id) WHERE c.points / p.birth_year > 2",
    "SELECT avg(least(points, 5000)) AS n FROM claims",
    "SELECT count(*) AS n FROM claims WHERE floor(points / 1000) = 4",
    "SELECT avg(points) AS n FROM claims",
];

#[tokio::test]
async fn an_isolating_column_is_asked_for_ranges_between_steps() {
    let fixture = Fixture::new(&ward()).await;
    refused(&fixture, CUTS);
    allowed(&fixture, RANGED);
}

/// Keys that are too fine, with a word of the refusal.
const TOO_FINE: &[(&str, &str)] = &[
    ("floor(points / 200) * 200", "SELECT points, count(*) AS n FROM claims GROUP BY points"),
    ("floor(points / 200) * 200", "SELECT DISTINCT points FROM claims"),
    ("floor(points / 200) * 200", "SELECT floor(points / 100) AS k, count(*) AS n FROM claims GROUP BY 1"),
    (
        "floor(points / 200) * 200",
        "SELECT floor((points - 7) / 200) AS k, count(*) AS n FROM claims GROUP BY 1",
    ),
    ("floor(points / 200) * 200", "SELECT round(points, 1) AS k, count(*) AS n FROM claims GROUP BY 1"),
    ("floor(points / 200) * 200", "SELECT greatest(points, 400) AS k, count(*) AS n FROM claims GROUP BY 1"),
    (
        "floor(points / 200) * 200",
        "SELECT CASE WHEN points > 400 THEN points ELSE 0 END AS k, count(*) AS n FROM claims GROUP BY 1",
    ),
    ("no group key", "SELECT ln(points) AS k, count(*) AS n FROM claims GROUP BY 1"),
    (
        "no group key",
        "SELECT p.birth_year * c.points AS k, count(*) AS n FROM patients p JOIN claims c USING (patient_id) GROUP BY 1",
    ),
    ("date_trunc('month', date)", "SELECT date, count(*) AS n FROM diagnoses GROUP BY date"),
    (
        "date_trunc('month', date)",
        "SELECT date_trunc('week', date) AS w, count(*) AS n FROM diagnoses GROUP BY 1",
    ),
    (
        "date_trunc('month', date)",
        "SELECT date_part('doy', date) AS d, count(*) AS n FROM diagnoses GROUP BY 1",
    ),
    (
        "date_trunc('month', date)",
        "SELECT f, count(*) AS n FROM (SELECT patient_id, min(date) AS f FROM diagnoses GROUP BY patient_id) t GROUP BY f",
    ),
    (
        "date_trunc('month', date)",
        "SELECT to_char(date, '%Y-%m-%d') AS d, count(*) AS n FROM diagnoses GROUP BY 1",
    ),
    ("prefix", "SELECT right(icd10, 2) AS k, count(*) AS n FROM diagnoses GROUP BY 1"),
    ("prefix", "SELECT substr(icd10, 2, 1) AS k, count(*) AS n FROM diagnoses GROUP BY 1"),
];

/// Keys that are columns or coarser.
const COARSE: &[&str] = &[
    "SELECT floor(points / 1000) * 1000 AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT floor((points - 400) / 200) AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT round(points, -3) AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT round(points / 1000000.0) AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT CASE WHEN points < 400 THEN 'a' WHEN points < 1000 THEN 'b' END AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT 2025 - birth_year AS age, count(*) AS n FROM patients GROUP BY 1",
    "SELECT date_part('year', d.date) - p.birth_year AS age, count(*) AS n FROM diagnoses d JOIN patients p USING (patient_id) GROUP BY 1",
    "SELECT left(icd10, 1) AS k, count(*) AS n FROM diagnoses GROUP BY 1",
    "SELECT date_part('dow', date) AS d, count(*) AS n FROM diagnoses GROUP BY 1",
    "SELECT date_trunc('quarter', date) AS q, sex, count(*) AS n FROM diagnoses JOIN patients USING (patient_id) GROUP BY 1, 2",
    "SELECT sex, prefecture, birth_year, hospital_id, count(*) AS n FROM patients \
             GROUP BY GROUPING SETS ((sex, prefecture, birth_year), (sex, hospital_id))",
    "SELECT k, count(*) AS n FROM (SELECT patient_id, count(*) AS k FROM claims GROUP BY patient_id) t GROUP BY k",
];

#[tokio::test]
async fn groups_are_columns_or_coarser() {
    let fixture = Fixture::new(&ward()).await;
    refused(&fixture, TOO_FINE);
    let wide =
        "SELECT sex, prefecture, birth_year, hospital_id, count(*) AS n FROM patients GROUP BY 1, 2, 3, 4";
    assert!(fixture.refusal(wide).message.contains("more than 3 dimensions"));
    let packed = "SELECT concat(sex, prefecture, birth_year, hospital_id) AS k, count(*) AS n FROM patients GROUP BY 1";
    assert!(fixture.refusal(packed).message.contains("more than 3 dimensions"));
    let counted = "SELECT p.sex, p.prefecture, p.birth_year, d.k, count(*) AS n FROM patients p \
                   JOIN (SELECT patient_id, count(*) AS k FROM diagnoses GROUP BY patient_id) d \
                   ON d.patient_id = p.patient_id GROUP BY 1, 2, 3, 4";
    assert!(fixture.refusal(counted).message.contains("more than 3 dimensions"));
    let list = (1900..1960).map(|year| year.to_string()).collect::<Vec<_>>().join(", ");
    let long = [
        format!("SELECT count(*) AS n FROM patients WHERE birth_year IN ({list})"),
        format!(
            "SELECT count(*) AS n FROM patients WHERE birth_year = {}",
            list.replace(", ", " OR birth_year = ")
        ),
    ];
    let chained = |joint: &str, condition: &str| {
        let conditions = (1900..1960).map(|year| condition.replace("{y}", &year.to_string()));
        let conditions = conditions.collect::<Vec<_>>().join(joint);
        format!("SELECT count(*) AS n FROM patients WHERE {conditions}")
    };
    let chains = [
        chained(" OR ", "{y} = birth_year"),
        chained(" OR ", "birth_year BETWEEN {y} AND {y}"),
        chained(" OR ", "(birth_year = {y} AND birth_year > 0)"),
        chained(" AND ", "birth_year <> {y}"),
    ];
    let rows = (1900..1960).map(|year| format!("({year})")).collect::<Vec<_>>().join(", ");
    let joined =
        format!("SELECT count(*) AS n FROM patients p JOIN (VALUES {rows}) v(y) ON v.y = p.birth_year");
    for sql in long.iter().chain(&chains).chain([&joined]) {
        assert!(fixture.refusal(sql).message.contains("more than 50 values of `birth_year`"), "{sql}");
    }
    allowed(&fixture, COARSE);
}

/// What the hint says where a parameter of a function is read from records.
const CONSTANTS: &str = "takes constants beside its value";

/// Calls whose parameters are read from records, in every place that a call may have.
const READ_PARAMETERS: &[(&str, &str)] = &[
    (CONSTANTS, "SELECT count(*) AS n FROM claims WHERE round(1.5, points - 1216) = 1.5"),
    (CONSTANTS, "SELECT count(*) AS n FROM claims WHERE trunc(1.5, CAST(points AS INT) - 1216) IS NOT NULL"),
    (CONSTANTS, "SELECT count(*) FILTER (WHERE round(1.5, points - 1216) = 1.5) AS n FROM claims"),
    (CONSTANTS, "SELECT round(1.5, points - 1216) AS k, count(*) AS n FROM claims GROUP BY 1"),
    (CONSTANTS, "SELECT sum(CASE WHEN round(1.5, points - 1216) = 1.5 THEN 1 END) AS n FROM claims"),
    (CONSTANTS, "SELECT count(nullif(round(1.5, points - 1216), 2)) AS n FROM claims"),
    (
        CONSTANTS,
        "SELECT count(*) AS n FROM patients WHERE round(birth_year + 0.5, birth_year - 1931) = 1931.5",
    ),
    (
        CONSTANTS,
        "WITH a AS (SELECT patient_id, points - 1216 AS k FROM claims), \
         b AS (SELECT patient_id, max(round(1.5, k)) AS r FROM a GROUP BY patient_id) \
         SELECT count(*) AS n FROM b WHERE r = 1.5",
    ),
    (
        CONSTANTS,
        "SELECT count(*) AS n FROM patients p WHERE EXISTS \
         (SELECT 1 FROM claims c WHERE c.patient_id = p.patient_id AND trunc(1.5, c.points - 1216) = 1.5)",
    ),
    (
        CONSTANTS,
        "SELECT count(*) AS n FROM claims JOIN (VALUES (1.5)) v(x) ON v.x = round(1.5, points - 1216)",
    ),
    (
        CONSTANTS,
        "SELECT count(*) AS n FROM (SELECT max(round(1.5, points)) OVER (PARTITION BY patient_id) AS r FROM claims) t WHERE r = 1.5",
    ),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE power(2, birth_year - 1931) = 1"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE log(birth_year, 1931) = 1"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE left('abcdef', birth_year - 1931) = 'a'"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE right('abcdef', birth_year - 1931) = 'f'"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE substr('abcdef', 1, birth_year - 1931) = 'a'"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE strpos('1931', prefecture) = 1"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE starts_with('1931', prefecture)"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE ltrim('4713', prefecture) = '13'"),
    (CONSTANTS, "SELECT count(*) AS n FROM patients WHERE concat_ws(sex, 'a', 'b') = 'aFb'"),
    (CONSTANTS, "SELECT left(hospital_id, birth_year - 1931) AS k, count(*) AS n FROM patients GROUP BY 1"),
    (
        CONSTANTS,
        "SELECT count(*) AS n FROM diagnoses d JOIN patients p USING (patient_id) WHERE to_char(d.date, p.sex) = 'F'",
    ),
];

/// Calls whose parameters are constants, however they are written.
const CONSTANT_PARAMETERS: &[&str] = &[
    "SELECT round(points, -3) AS k, count(*) AS n FROM claims GROUP BY 1",
    "SELECT trunc(birth_year, -(2 - 1)) AS k, count(*) AS n FROM patients GROUP BY 1",
    "SELECT substr(icd10, 1, CAST('3' AS BIGINT)) AS k, count(*) AS n FROM diagnoses GROUP BY 1",
    "WITH d AS (SELECT icd10, 3 AS long FROM diagnoses) SELECT left(icd10, long) AS k, count(*) AS n FROM d GROUP BY 1",
    "SELECT round(avg(points), 2) AS a, count(*) AS n FROM claims",
    "SELECT round(x, n - n) AS r FROM (SELECT avg(points) AS x, count(*) AS n FROM claims) t",
    "SELECT count(*) AS n FROM patients WHERE power(birth_year - 1900, 2) > 3000 AND log(10, birth_year) > 3",
    "SELECT count(*) AS n FROM diagnoses WHERE strpos(icd10, 'E') = 1 AND starts_with(icd10, 'E1')",
];

#[tokio::test]
async fn a_parameter_of_a_function_is_a_constant() {
    let fixture = Fixture::new(&ward()).await;
    refused(&fixture, READ_PARAMETERS);
    allowed(&fixture, CONSTANT_PARAMETERS);
}

#[tokio::test]
async fn a_forbidden_crossing_is_made_by_no_condition_either() {
    let mut fixture = Fixture::new(&ward()).await;
    let crossing = ["patients.prefecture", "patients.sex"].map(str::to_owned).to_vec();
    let stricter = Stricter { forbidden_crossings: vec![crossing], ..Stricter::default() };
    fixture.view.profile = fixture.view.profile.stricter(&stricter).unwrap();
    let crossed = [
        "SELECT prefecture, sex, count(*) AS n FROM patients GROUP BY prefecture, sex",
        "SELECT prefecture, count(*) AS n FROM patients WHERE sex = 'F' GROUP BY prefecture",
        "SELECT prefecture, count(*) FILTER (WHERE sex = 'F') AS n FROM patients GROUP BY prefecture",
        "SELECT prefecture, sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) AS n FROM patients GROUP BY prefecture",
        "SELECT prefecture, histogram(CASE WHEN sex = 'F' THEN 1 ELSE 0 END, make_array(0, 1, 2)) AS n FROM patients GROUP BY 1",
        "SELECT prefecture, table_one('sex', sex, make_array('F', 'M')) AS t FROM \
         (SELECT patient_id, max(prefecture) AS prefecture, max(sex) AS sex FROM patients GROUP BY patient_id) p GROUP BY prefecture",
    ];
    refused(&fixture, &crossed.map(|sql| ("the crossing of", sql)));
    let apart = [
        "SELECT prefecture, count(*) AS n FROM patients WHERE birth_year < 1960 GROUP BY prefecture",
        "SELECT sex, count(*) FILTER (WHERE birth_year < 1960) AS n FROM patients GROUP BY sex",
        "SELECT prefecture, sex, count(*) AS n FROM patients GROUP BY GROUPING SETS ((prefecture), (sex))",
    ];
    allowed(&fixture, &apart);
}
