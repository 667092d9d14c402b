# Two commands are all a newcomer needs: `make run` and `make test`.
# Both install what they need into .venv, without root. `make help` lists the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q

.PHONY: help run install dev-install test house check format bench crash fuzz clients browser screens lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: install ## a local Posthouse: ports 2525, 4650 and 8025, every message caught
	$(BIN)/posthouse dev

install: .venv/.run-ready ## make .venv with .venv/bin/posthouse in it

dev-install: .venv/.test-ready

test: dev-install ## the test suite (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not long"

house: dev-install ## the long tests with whole houses: kills, floods, both stores, walks (under 20 minutes)
	$(BIN)/python -m pytest tests/house tests/crash -n 2 --dist loadfile -q -m long

check: dev-install ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: dev-install ## write the code in our format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev-install ## speed, with a results file under bench/results
	$(BIN)/python -m bench.run

crash: dev-install ## kill it 500 times on each store and count
	PYTHONPATH=tests $(BIN)/python -m crash.run

fuzz: dev-install ## the property tests, with many more examples
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/fuzz -n 2 -q -o timeout=1800
	POSTHOUSE_API_EXAMPLES=150 $(BIN)/python -m pytest tests/house/test_native_conformance.py -q -o timeout=1800

clients: dev-install ## real mail programs against a running Posthouse (see tests/clients)
	$(BIN)/python -m pytest tests/clients -q

browser: dev-install ## a real Chromium (Debian's) at the pages of delivered mail
	$(PIP) "playwright>=1.49,<2"
	$(BIN)/python -m pytest tests/browser -q

screens: dev-install ## the pictures in docs/screens, from a demonstration (needs Debian's Chromium)
	$(PIP) "playwright>=1.49,<2"
	$(BIN)/python docs/make_screens.py

lock: ## write the lock files again (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml --extra postgres -o requirements-postgres.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml --extra postgres --group dev -o requirements-dev.lock

clean: ## remove what was installed and made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Posthouse needs Python 3.11 or newer; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv

.venv/.run-ready: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps -e .
	@touch $@

.venv/.test-ready: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps -e .
	@touch $@ .venv/.run-ready
