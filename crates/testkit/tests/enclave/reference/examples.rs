//! An analysis for each code, and the one that was meant.

use sekisho_model::Code;

/// One refusal.
pub(super) struct Example {
    pub(super) code: Code,
    pub(super) project: &'static str,
    pub(super) refused: Ask,
    /// What was meant, and why that is written so.
    pub(super) meant: &'static str,
    pub(super) instead: Ask,
}

/// An analysis and what comes with it.
pub(super) struct Ask {
    pub(super) sql: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) lists: &'static [(&'static str, &'static str)],
}

const fn sql(sql: &'static str) -> Ask {
    Ask { sql, parameters: &[], lists: &[] }
}

const fn given(sql: &'static str, parameters: &'static [&'static str]) -> Ask {
    Ask { sql, parameters, lists: &[] }
}

const fn with(sql: &'static str, lists: &'static [(&'static str, &'static str)]) -> Ask {
    Ask { sql, parameters: &[], lists }
}

const fn ward(code: Code, refused: Ask, meant: &'static str, instead: Ask) -> Example {
    Example { code, project: "ward", refused, meant, instead }
}

const fn nafld(code: Code, refused: Ask, meant: &'static str, instead: Ask) -> Example {
    Example { code, project: "nafld", refused, meant, instead }
}

pub(super) const EXAMPLES: &[Example] = &[
    ward(
        Code::SqlSyntax,
        sql("SELECT sex COUNT(*) AS n FROM patients GROUP BY sex"),
        "A comma is missing:",
        sql("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"),
    ),
    ward(
        Code::TooLarge,
        sql("SELECT COUNT(*) AS n FROM patients\n\
             WHERE (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((birth_year > 1950\n\
             )))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"),
        "Brackets that change nothing, as programs write them, can be left out:",
        sql("SELECT COUNT(*) AS n FROM patients WHERE birth_year > 1950"),
    ),
    ward(
        Code::StatementNotAllowed,
        sql("EXPLAIN SELECT COUNT(*) AS n FROM patients"),
        "A plan shows the smallest and largest values of columns. `--check` says whether an analysis would run:",
        sql("SELECT COUNT(*) AS n FROM patients"),
    ),
    ward(
        Code::TableUnknown,
        sql("SELECT COUNT(*) AS n FROM patient"),
        "`sekisho catalog` lists the tables of a project. One that was not granted is not there:",
        sql("SELECT COUNT(*) AS n FROM patients"),
    ),
    ward(
        Code::ColumnUnknown,
        sql("SELECT gender, COUNT(*) AS n FROM patients GROUP BY gender"),
        "The hint lists the columns that are there:",
        sql("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"),
    ),
    ward(
        Code::FunctionNotAllowed,
        sql("SELECT md5(sex) AS k, COUNT(*) AS n FROM patients GROUP BY 1"),
        "A group needs no hash of its key:",
        sql("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"),
    ),
    ward(
        Code::AggregateNotAllowed,
        sql("SELECT SUM(DISTINCT birth_year) AS s FROM patients"),
        "A sum over distinct values tells which values there are. Count people in bands:",
        sql("SELECT birth_year / 10 * 10 AS decade, COUNT(*) AS n FROM patients GROUP BY 1 ORDER BY 1"),
    ),
    ward(
        Code::ExpressionNotAllowed,
        sql("SELECT COUNT(*) AS n FROM patients WHERE birth_year % 10 = 1"),
        "A remainder picks scattered people and says nothing of them. A range does:",
        sql("SELECT COUNT(*) AS n FROM patients WHERE birth_year BETWEEN 1950 AND 1959"),
    ),
    ward(
        Code::ExpressionNotAllowed,
        sql("SELECT COUNT(*) AS n FROM claims WHERE points = 1234"),
        "Almost every bill has an amount of its own. The catalogue shows the step of such a column:",
        sql("SELECT COUNT(*) AS n FROM claims WHERE points >= 1000 AND points < 2000"),
    ),
    ward(
        Code::ExpressionNotAllowed,
        sql("SELECT date, COUNT(*) AS n FROM diagnoses GROUP BY date"),
        "Groups of a day are small, and a day is what others know of a person:",
        sql("SELECT date_trunc('month', date) AS month, COUNT(*) AS n FROM diagnoses GROUP BY 1 ORDER BY 1"),
    ),
    ward(
        Code::ExpressionNotAllowed,
        sql("WITH p AS (SELECT patient_id, MAX(sex) AS sex FROM patients GROUP BY patient_id)\n\
             SELECT table_one('sex', sex) AS characteristics FROM p"),
        "A level that is there because of the records would be a label that tells of them. Those that are meant are named:",
        sql("WITH p AS (SELECT patient_id, MAX(sex) AS sex FROM patients GROUP BY patient_id),\n     \
             t AS (SELECT unnest(table_one('sex', sex, make_array('F', 'M'))) AS r FROM p)\n\
             SELECT r['variable'] AS variable, r['level'] AS level, r['n'] AS n, r['value'] AS share FROM t ORDER BY level"),
    ),
    ward(
        Code::SubjectAsValue,
        sql("SELECT COUNT(*) AS n FROM diagnoses WHERE patient_id = 'P000042'"),
        "Nobody is asked for by name. Say which people are meant by what they have:",
        sql("SELECT COUNT(DISTINCT patient_id) AS people FROM diagnoses WHERE icd10 = 'E11'"),
    ),
    ward(
        Code::SubjectAsValue,
        sql("SELECT COUNT(*) AS n FROM patients WHERE patient_id LIKE 'P0000%'"),
        "The same whatever the operator or function is. Whole groups are found by what describes them:",
        sql("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"),
    ),
    ward(
        Code::RecordsInOutput,
        sql("SELECT patient_id, sex, birth_year\nFROM patients WHERE birth_year < 1940"),
        "Statistics over groups of people leave, and no list of them:",
        sql("SELECT sex, COUNT(*) AS n\nFROM patients WHERE birth_year < 1940 GROUP BY sex"),
    ),
    nafld(
        Code::RecordsInOutput,
        sql("SELECT patient_id, COUNT(*) AS events FROM events GROUP BY patient_id"),
        "What is computed for each person is a record too. Count the people who have it:",
        sql("WITH p AS (SELECT patient_id, COUNT(*) AS events FROM events GROUP BY patient_id)\n\
             SELECT events, COUNT(*) AS people FROM p GROUP BY events ORDER BY events"),
    ),
    ward(
        Code::JoinWithoutSubject,
        sql(
            "SELECT p.sex, COUNT(*) AS n FROM patients p\nJOIN diagnoses d ON d.icd10 = 'E11' GROUP BY p.sex",
        ),
        "A row of the join would belong to two people. The hint spells out what is missing:",
        sql("SELECT p.sex, COUNT(*) AS n FROM patients p\n\
             JOIN diagnoses d ON d.icd10 = 'E11' AND p.patient_id = d.patient_id GROUP BY p.sex"),
    ),
    ward(
        Code::JoinWithoutSubject,
        sql(
            "SELECT COUNT(*) AS n FROM patients p\nWHERE EXISTS (SELECT 1 FROM diagnoses d WHERE d.icd10 = 'E11')",
        ),
        "Whether somebody else has the diagnosis says nothing of this person. Tie the sub-query to the same one:",
        sql("SELECT COUNT(*) AS n FROM patients p\n\
             WHERE EXISTS (SELECT 1 FROM diagnoses d WHERE d.patient_id = p.patient_id AND d.icd10 = 'E11')"),
    ),
    ward(
        Code::PicksPeople,
        sql("SELECT sex, COUNT(*) AS n FROM\n\
             (SELECT * FROM patients ORDER BY birth_year LIMIT 500) oldest GROUP BY sex"),
        "The first few of an order are people who were picked. A condition says who is meant:",
        sql("SELECT sex, COUNT(*) AS n FROM patients WHERE birth_year < 1945 GROUP BY sex"),
    ),
    ward(
        Code::NotSupported,
        sql("SELECT COUNT(*) AS n FROM patients TABLESAMPLE (10 PERCENT)"),
        "Everybody is counted:",
        sql("SELECT COUNT(*) AS n FROM patients"),
    ),
    ward(
        Code::NotSupported,
        sql("SELECT sex, prefecture, COUNT(*) AS n FROM patients GROUP BY ROLLUP (1, 2)"),
        "The keys of ROLLUP, CUBE and GROUPING SETS have names:",
        sql("SELECT sex, prefecture, COUNT(*) AS n FROM patients GROUP BY ROLLUP (sex, prefecture)"),
    ),
    ward(
        Code::InvalidQuery,
        sql("SELECT sex, COUNT(*) AS n FROM patients"),
        "Each column of the result is a key or a statistic:",
        sql("SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"),
    ),
    nafld(
        Code::InvalidQuery,
        sql("SELECT histogram(age, make_array(80, 60, 40)) AS bins FROM patients"),
        "Edges rise, and each bin is a row of its own, with its number or a blank:",
        sql("WITH h AS (SELECT unnest(histogram(age, make_array(40, 60, 80))) AS bin FROM patients)\n\
             SELECT bin['lower'] AS lower, bin['upper'] AS upper, bin['n'] AS n FROM h ORDER BY lower"),
    ),
    ward(
        Code::ParameterMismatch,
        given("SELECT COUNT(*) AS n FROM diagnoses WHERE icd10 = $1 AND date >= $2", &["E11"]),
        "Each number in the text has a value, and each value a number in the text:",
        given(
            "SELECT COUNT(*) AS n FROM diagnoses WHERE icd10 = $1 AND date >= $2",
            &["E11", "2020-01-01::date"],
        ),
    ),
    ward(
        Code::ListNotAllowed,
        with(
            "SELECT COUNT(*) AS n FROM diagnoses d JOIN icd10 c ON d.icd10 = c.code",
            &[("icd10", "code\nE11\nE14\n")],
        ),
        "The project has a table of that name:",
        with(
            "SELECT COUNT(*) AS n FROM diagnoses d JOIN codes c ON d.icd10 = c.code",
            &[("codes", "code\nE11\nE14\n")],
        ),
    ),
];

/// What to do about a code that no plan gives.
pub(super) fn advice(code: Code) -> &'static str {
    match code {
        Code::TimeLimit => "filter earlier, join less, or group less finely",
        Code::MemoryLimit => "use fewer groups, or filter first",
        Code::RowLimit => "use coarser groups, or a LIMIT",
        Code::BudgetSpent => {
            "read what was released (`sekisho jobs`), or ask the operator for a larger share; the job is `refused`"
        }
        Code::Cancelled => "submit it again",
        Code::Storage | Code::Busy => "wait, and send it again",
        Code::Internal => "send it again; if it happens twice, tell the operator the job's name",
        Code::Unauthenticated => "get a new token",
        Code::NotFound => "check the name; `sekisho projects` and `sekisho jobs` list what is yours",
        Code::InvalidArgument => "`--help` of each command shows its arguments",
        Code::WrongState => "`sekisho watch` follows a job until it is settled",
        Code::AggregateNotAllowed
        | Code::ColumnUnknown
        | Code::ExpressionNotAllowed
        | Code::FunctionNotAllowed
        | Code::InvalidQuery
        | Code::JoinWithoutSubject
        | Code::ListNotAllowed
        | Code::NotSupported
        | Code::ParameterMismatch
        | Code::PicksPeople
        | Code::RecordsInOutput
        | Code::SqlSyntax
        | Code::StatementNotAllowed
        | Code::SubjectAsValue
        | Code::TableUnknown
        | Code::TooLarge => "see its example above",
    }
}
