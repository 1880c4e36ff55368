//! What somebody learns who is not of the project: nothing.

use sekisho_testkit::Enclave;

#[tokio::test]
async fn another_organisations_analyst_cannot_tell_a_project_from_none() {
    let enclave = Enclave::start().await.unwrap();
    let mine = enclave.ask("nafld", "SELECT COUNT(*) AS n FROM patients").await.unwrap();
    let stranger = enclave.client("analyst-2").await.unwrap();
    let sql = "SELECT COUNT(*) AS n FROM patients";
    let project = stranger.sql("nafld", sql).await.unwrap_err().problem();
    let nothing = stranger.sql("nowhere", sql).await.unwrap_err().problem();
    assert_eq!(project, nothing);
    assert_eq!(project.code, "NOT_FOUND");
    let job = stranger.job(&mine.job.unwrap()).await.unwrap_err().problem();
    let no_job = stranger.job("projects/nafld/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV").await.unwrap_err().problem();
    assert_eq!(job, no_job);
    assert_eq!(job.code, "NOT_FOUND");
    // The stranger's own project answers.
    let own = stranger.sql("ward-2", sql).await.unwrap();
    assert_eq!(sekisho_client::Document::of_outcome(&own).unwrap().state, sekisho_client::State::Released);
}
