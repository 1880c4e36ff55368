# The same steps as .ci/run, one by one. `make check` is what CI runs.

.PHONY: check clippy demo deny fmt test

check:
	.ci/run

fmt clippy deny test:
	.ci/run $@

demo:
	cargo run --release --bin sekishod -- demo
