# Each target sets up by itself what is missing: after a fresh clone `make demo` or `make test` is all it takes.
# It needs Python 3.11 or later, make, git and a package index that pip or uv can reach. Stamps keep a second run from
# repeating work.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# What is passed on to pytest, for example `make test ARGS='tests/rpc -x'`.
ARGS ?=

BIN := .venv/bin
PACKAGES := maitred presence_service router_service
SOURCES = $(wildcard $(PACKAGES) tests benchmarks tools)
PROTOS := $(wildcard protos/maitred/v1/*.proto)
LUA = $(wildcard maitred/store/lua/*.lua *_service/store/lua/*.lua *_service/store/lua/lib/*.lua)
LUA_LIBRARIES = $(sort $(notdir $(basename $(wildcard maitred/store/lua/*.lua *_service/store/lua/lib/*.lua))))

INSTALLED := .venv/.installed
GENERATED := maitred/v1/.generated

# protoc looks for its plugins on the path. REDIS_SERVER names the server that the tests' stores run on, if not
# the one that is installed with the project.
export PATH := $(CURDIR)/$(BIN):$(PATH)
ifdef REDIS_SERVER
export REDIS_SERVER
endif

.DEFAULT_GOAL := help
.PHONY: help setup proto demo run test test-long spec bench check format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Make .venv with what requirements.lock pins

$(INSTALLED): requirements.lock pyproject.toml
	@echo "setup: installing into .venv what requirements.lock pins"
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "maitred needs Python 3.11 or later; name one with PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip -qq --disable-pip-version-check install --require-hashes --requirement requirements.lock
	@$(BIN)/pip -qq --disable-pip-version-check install --no-deps --no-build-isolation --editable .
	@touch $@

proto: $(GENERATED) ## Generate maitred/v1 from protos/

$(GENERATED): $(PROTOS) tools/protos.py $(INSTALLED)
	@echo "proto: generating maitred/v1 from protos/"
	@$(BIN)/python tools/protos.py
	@touch $@

demo: $(INSTALLED) $(GENERATED) ## Watch a short working day: agents, customers, every channel
	@$(BIN)/maitred demo

run: $(INSTALLED) $(GENERATED) ## Start both services and a store, state under .maitred/
	@$(BIN)/maitred up

# Each process would otherwise compile every test, and every service it starts, anew.
test test-long spec: export PYTHONDONTWRITEBYTECODE :=

# More at once than two cores have: many tests wait for processes or time-outs. A file stays with one of them, and
# files start in the order of their names, for otherwise those with the longest waits would come last.
test: $(INSTALLED) $(GENERATED) ## Run the tests, but for the long ones
	$(BIN)/python -m pytest -m 'not long' -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(INSTALLED) $(GENERATED) ## Run the long tests
	$(BIN)/python -m pytest -m long $(ARGS)

spec: $(INSTALLED) $(GENERATED) ## Say for each rule which tests prove it, and whether they pass
	@$(BIN)/python -m tools.spec $(ARGS)

bench: $(INSTALLED) $(GENERATED) ## Measure, each figure beside its floor
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(INSTALLED) $(GENERATED) ## Check format, lint, types, import contracts and protos
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	@if command -v luacheck >/dev/null; then luacheck --quiet --globals $(LUA_LIBRARIES) -- $(LUA); \
	else echo "luacheck is not installed (Debian: lua-check): the Lua steps are not checked"; fi

format: $(INSTALLED) ## Format, and repair what lint can repair
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/buf format --write

lock: $(INSTALLED) ## Pin anew what pyproject.toml asks for
	@$(BIN)/pip -qq --disable-pip-version-check install uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	    --group dev --output-file requirements.lock pyproject.toml

clean: ## Remove what make has made; the state under .maitred/ stays
	rm -rf .venv maitred/v1 build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
