# `make demo` and `make test` are enough to begin with: each does the set-up that is missing, and both compile with the
# same profile (debug, with optimised dependencies), so that the second of them has little left to compile.

# How long each fuzz target runs.
SECONDS ?= 60

# How many schedules the simulation of replicas runs.
SEEDS ?= 100000

# What is tested again through mirrors: what opens logs in its own process, since nothing of the environment reaches a node.
MIRRORED = flow bounded

# How long the siege takes.
MINUTES ?= 10

# Where `make install` puts bin/dag: cargo's own folder, which rustup puts on the path, unless PREFIX names another.
PREFIX ?=

.PHONY: help setup demo test guests sdks languages calls walk model simulate soak siege stress scale upgrade growth lint doc bench fuzz install clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## check the tools; get the WASM standard library that the operators need (quick when done)
	@for tool in cargo cc; do \
		command -v $$tool >/dev/null || { echo "setup: $$tool is missing; see README.md, Install" >&2; exit 1; }; \
	done
	@cargo --version >/dev/null 2>&1 || { echo "setup: installing the compiler that rust-toolchain.toml names"; rustup toolchain install; }
	@.ci/setup-wasm
	@echo "setup: done"

demo: setup ## show on this machine's CPU load how computations come and go (half a minute)
	@echo "demo: compiling dag, then running it (the first time takes some minutes)"
	cargo run --package dag -- demo

# This builds the binary target/debug/dag, too, which the end-to-end tests run: the package of the binary has tests of its own.
test: setup ## run all tests, those with real processes included
	@echo "test: compiling, then running all tests (the first time takes some minutes)"
	cargo test --workspace --no-fail-fast
	@echo "test: some of them again, with every log read through a mirror that drops and switches its origin"
	DAG_FAULT_MIRRORS=17 cargo test --workspace --no-fail-fast $(MIRRORED:%=--test %)

guests: ## build operators in JavaScript, TypeScript and Python, which the tests then deploy (needs pip and npm)
	@.ci/guests

sdks: ## run the SDKs' own tests in Go, Node and CPython, and check their types (after make guests)
	@.ci/sdks

languages: setup guests ## measure what operators cost in each language that is here (release build; leave the machine alone meanwhile)
	cargo build --release --package dag --package dag-peers
	@.ci/languages

calls: setup guests ## call the operators of each language that is here a million times: their memory has to stay as it is (release build; an hour or more)
	cargo build --release --package dag
	@.ci/languages --calls 1000000

walk: setup ## walk from dag new to dag subscribe in each language that is here, in a fresh folder without this checkout, and time it (release build; needs the network)
	cargo build --release --package dag
	@.ci/walk

soak: setup ## kill a node 20 times in each of 10 runs of a million records, and judge what is left (ten minutes)
	cargo build --workspace
	DAG_TESTS_KILLS=20x10 cargo test --workspace --test kill -- --nocapture

model: setup ## run a thousand random programs against a model of what readers should see (about half an hour)
	cargo build --workspace
	DAG_TESTS_PROGRAMS=1000 cargo test --workspace --test model every_reader -- --nocapture

simulate: ## run the replication protocol under a hundred thousand random schedules (a minute); SEEDS=1000000 for more
	DAG_SIMULATE_SEEDS=$(SEEDS) cargo test --package dag-replica --test simulation every_schedule -- --nocapture

siege: setup ## everything hostile at once at a node, while a publisher and three dashboards work (ten minutes); MINUTES=60 for longer
	cargo build --workspace
	DAG_TESTS_SIEGE=$$(($(MINUTES) * 60)) cargo test --workspace --test siege -- --nocapture

stress: setup ## how long others wait while one disk hangs, one computation does not start and one operator does not answer (a minute)
	cargo build --workspace
	DAG_TESTS_STRESS=40 cargo test --workspace --test stress -- --nocapture

scale: setup ## what one more subscriber costs a node that has 4,000 streams, 3,000 computations and 4,000 subscribers (some minutes)
	cargo build --workspace
	DAG_TESTS_SCALE=1 cargo test --workspace --test scale -- --nocapture

upgrade: setup ## how long results stand still while a component changes that a thousand computations use (some minutes)
	cargo build --workspace
	DAG_TESTS_UPGRADE=1000 cargo test --workspace --test upgrade one_mark_a_source -- --nocapture

growth: setup ## start and stop a thousand computations a hundred times, then ten minutes of load: nothing may grow (an hour)
	cargo build --workspace
	DAG_TESTS_GROWTH=1000x100 cargo test --workspace --test growth -- --nocapture --test-threads=1

lint: setup ## check formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

doc: setup ## build the crates' documentation, warnings refused
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

bench: setup ## measure, each time against a named peer (release build; leave the machine alone meanwhile)
	cargo bench --package dag-benches

fuzz: setup ## hostile input for each reader of what others wrote, a minute each, and its memory; SECONDS=600 for longer
	cargo test --package dag-fuzz --no-run
	@rm -f target/fuzz-table
	DAG_FUZZ_SECONDS=$(SECONDS) DAG_FUZZ_TABLE=$(CURDIR)/target/fuzz-table cargo test --package dag-fuzz --no-fail-fast; \
		failed=$$?; \
		printf '\n%-82s %9s %9s  %s\n' target inputs 'peak MiB' 'worst input'; \
		cat target/fuzz-table; \
		exit $$failed

install: setup ## build for speed and put dag on your path; PREFIX=/usr/local puts it into /usr/local/bin
	cargo install --locked --path cli $(if $(PREFIX),--root $(PREFIX))

clean: ## remove all that was built
	cargo clean
