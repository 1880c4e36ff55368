# The same steps as .ci/run, one by one. `make check` is what CI runs.

.PHONY: check clippy demo deny fmt fuzz oidc test

check:
	.ci/run

fmt clippy deny test oidc:
	.ci/run $@

demo:
	cargo run --release --bin sekishod -- demo

# Ten minutes of each target, apart from the gate: the first run compiles the engine anew.
fuzz:
	mkdir -p fuzz/corpus/sql_text
	cargo +nightly fuzz run sql_text fuzz/corpus/sql_text fuzz/seeds/sql_text -- -dict=fuzz/sql.dict -max_total_time=600
	cargo +nightly fuzz run plan_shapes -- -len_control=0 -max_len=400 -max_total_time=600
