# Every target sets itself up. `make help` lists them.
PY ?= python3.11
BIN := .venv/bin
EDITABLE := $(foreach d,$(wildcard packages/*),-e $(d))
# The development set is a superset of the running set: with it present, replay needs no second sync.
RUN := $(if $(wildcard .venv/ok),.venv/ok,.venv/run)
# Bytecode ahead of time: every process starts sooner, also where Python may not write any itself.
COMPILED := $(BIN)/python -m compileall -q packages/*/src
BENCHES := bench-composition bench-publication bench-client bench-signing

.PHONY: help replay serve test test-nightly $(BENCHES) bundle-sign bundle-update lint fmt lock clean
.DELETE_ON_ERROR:

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  awk -F'|' '{printf "  make %-20s %s\n", $$1, $$2}'

.venv/bin/uv: requirements/tools.txt
	@$(PY) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; tools/debian/need venv || exit 1; \
	  $(PY) -m venv .venv >/dev/null || { echo "$(PY) cannot make a virtual environment" >&2; exit 1; }; }
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r requirements/tools.txt
	@touch $@

.venv/ok: .venv/bin/uv requirements/dev.txt $(wildcard packages/*/pyproject.toml)
	@$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(BIN)/python requirements/dev.txt requirements/tools.txt
	@$(BIN)/uv pip install -qq --no-deps --no-build-isolation --python $(BIN)/python $(EDITABLE)
	@touch $@ .venv/run

.venv/run: .venv/bin/uv requirements/run.txt $(wildcard packages/*/pyproject.toml)
	@$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(BIN)/python requirements/run.txt requirements/tools.txt
	@$(BIN)/uv pip install -qq --no-deps --no-build-isolation --python $(BIN)/python $(EDITABLE)
	@touch $@

replay: $(RUN)  ## the main job: the whole road on real parts, then February 2012
	@tools/debian/need replay
	@$(COMPILED)
	@$(BIN)/warifu-replay --keep out/replay $(ARGS)

serve: $(RUN)  ## show what `make replay` left: a page for every release and incident
	@tools/debian/need replay
	@$(COMPILED)
	@$(BIN)/warifu-replay show $(ARGS)

test: .venv/ok  ## the gate: lint, types, architecture, tests, coverage floors
	@tools/debian/need test
	@$(COMPILED)
	@$(BIN)/python -m tools.gate

test-nightly: .venv/ok  ## mutation run over model and flow, long property runs
	@tools/debian/need test
	@$(COMPILED)
	@$(BIN)/python -m pytest -q --hypothesis-profile=nightly tests tests/client/night_frozen.py
	@$(BIN)/python -m tools.mutate

$(BENCHES): .venv/ok
	@tools/debian/need $@
	@$(COMPILED)
	@$(BIN)/python -m bench.$(@:bench-%=%) $(ARGS)

bench-composition:  ## measure compose and build against their limits
bench-publication:  ## measure the publishing engines against their limits
bench-client:  ## measure the client against its limits
bench-signing:  ## measure the signing tool and the authority against their limits

bundle-sign: .venv/ok  ## build the signing tool as a folder with a digest for every file; report size and start
	@packages/warifu-sign/bundle/build.sh $(PY) $(CURDIR)/out/bundle-sign

bundle-update: .venv/ok  ## build the updater and launcher as folders that need no Python; report size and start
	@packages/warifu-client/bundle/build.sh $(PY) $(CURDIR)/out/bundle-update $(ADDRESS) $(ROOT) $(PRODUCT) $(UPDATER)

lint: .venv/ok  ## the quick half of the gate: style, types, import rules
	@$(BIN)/python -m tools.gate --no-tests

fmt: .venv/ok  ## put the code into the house's form
	@$(BIN)/ruff check -q --fix-only . && $(BIN)/ruff format -q .

LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock: .venv/ok  ## compile requirements/*.in into hashed files without addresses
	@cd requirements && for set in tools run dev bundle updater; do ../$(LOCK) $$set.in -o $$set.txt || exit 1; done

clean:  ## remove what the targets made
	@rm -rf .venv .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis out
