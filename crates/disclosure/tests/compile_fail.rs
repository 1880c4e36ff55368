//! What the compiler refuses: every way around the checkpoint.

#[test]
fn there_is_no_way_around_the_checkpoint() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
