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

bench:  ## criterion benches, then both engines beside others (about 10 minutes)
	cargo bench --package benches
	cargo build --release --package benches --package badgateway --bins
	python3 benches/cores.py --badgateway $(BUILT)/badgateway
	python3 benches/nginx-chain/compare.py --chain-host $(BUILT)/chain-host
	cargo build --release --locked --manifest-path benches/virtual-others/nexosim/Cargo.toml
	[ -x .tools/bench-venv/bin/python ] || python3 -m venv .tools/bench-venv
	.tools/bench-venv/bin/pip install --quiet --disable-pip-version-check --requirement benches/virtual-others/requirements.txt
	python3 benches/virtual-others/compare.py --virtual-run $(BUILT)/virtual-run \
		--nexosim $(or $(CARGO_TARGET_DIR),benches/virtual-others/nexosim/target)/release/nexosim-models --python .tools/bench-venv/bin/python

clean:  ## remove everything built or installed here
	cargo clean
	rm -rf .tools benches/virtual-others/nexosim/target
