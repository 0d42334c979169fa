# `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help run test lint setup bench clean

BUILT := $(or $(CARGO_TARGET_DIR),target)/release

help:   ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run:    ## build it and watch one chain break in four ways
	cargo run --release --bin badgateway -- run scenarios/quickstart.yaml

test: lint      ## all that CI checks
	cargo test --workspace

lint: setup     ## format, lints, docs, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	.tools/bin/cargo-deny check licenses bans sources

setup:  ## install what the tests and benches need
	.ci/setup

bench:  ## criterion benches, then the live chain beside one of nginx (about 5 minutes)
	cargo bench --package benches
	cargo build --release --package benches --bins
	python3 benches/nginx-chain/compare.py --chain-host $(BUILT)/chain-host

clean:  ## remove everything built or installed here
	cargo clean
	rm -rf .tools
