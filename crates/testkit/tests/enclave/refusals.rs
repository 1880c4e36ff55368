//! What is refused, through the whole service.

use sekisho_client::State;
use sekisho_testkit::Enclave;

const REFUSED: &[(&str, &str)] = &[
    ("SELECT * FROM patients", "RECORDS_IN_OUTPUT"),
    ("SELECT patient_id FROM patients LIMIT 1", "RECORDS_IN_OUTPUT"),
    ("SELECT COUNT(*) FROM patients WHERE patient_id = 3", "SUBJECT_AS_VALUE"),
    ("SELECT patient_id, COUNT(*) FROM labs GROUP BY patient_id", "RECORDS_IN_OUTPUT"),
    ("SELECT COUNT(*) FROM patients WHERE matched_case_id = 10630", "COLUMN_UNKNOWN"),
    ("EXPLAIN ANALYZE SELECT COUNT(*) FROM patients", "STATEMENT_NOT_ALLOWED"),
    ("SHOW TABLES", "STATEMENT_NOT_ALLOWED"),
    ("COPY patients TO '/tmp/patients.csv'", "STATEMENT_NOT_ALLOWED"),
    ("SELECT COUNT(*) FROM '/etc/passwd'", "TABLE_UNKNOWN"),
    ("SELECT * FROM information_schema.tables", "TABLE_UNKNOWN"),
    ("CREATE TABLE t AS SELECT * FROM patients", "STATEMENT_NOT_ALLOWED"),
    ("DROP TABLE patients", "STATEMENT_NOT_ALLOWED"),
    ("SELECT COUNT(*) FROM patients; SELECT COUNT(*) FROM labs", "STATEMENT_NOT_ALLOWED"),
    ("SELEC 1", "SQL_SYNTAX"),
];

#[tokio::test]
async fn records_statements_and_other_places_are_refused_with_a_reason() {
    let enclave = Enclave::start().await.unwrap();
    let client = enclave.client("analyst").await.unwrap();
    for (sql, code) in REFUSED {
        let outcome = client.sql("nafld", sql).await.unwrap();
        let document = sekisho_client::Document::of_outcome(&outcome).unwrap();
        assert_eq!(document.state, State::Refused, "{sql}");
        let problem = document.error.unwrap();
        assert_eq!(problem.code, *code, "{sql}: {}", problem.message);
        assert!(!problem.message.is_empty(), "{sql}");
        assert!(document.rows.is_empty() && document.columns.is_empty(), "{sql}");
    }
}
