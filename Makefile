# Everything a developer does starts here; `make` alone lists it. Each target sets up what it needs.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo test lint format test-browser test-cluster coverage bench lock psls clean

bin := .venv/bin
installed := .venv/installed

packages := compiler/eas_compiler containers/eas_base/eas_worker argo/eas_argo provenance/eas_provenance \
	dashboard/eas_dashboard eas

# The newest Python for which every package of the lock file comes built; with a newer one, batman needs a C compiler.
PYTHON = $(firstword $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile

env: $(installed) ## make .venv from requirements.lock, with the project itself in editable form

demo: $(installed) ## run a small chain on this machine
	$(bin)/eas run chains/demo.json

test: lint ## run every check that needs no cluster
	$(bin)/pytest -n auto

lint: $(installed) ## check style, types, the arrows between the packages, and the registry
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports --no-logo
	$(bin)/python .ci/check_registry.py registry.yaml compiler/eas_compiler/schemas/registry.schema.json

format: $(installed) ## lay out the code, and mend what can be mended
	$(bin)/ruff format
	$(bin)/ruff check --fix

test-browser: $(installed) ## look at a run in Chromium (CHROMIUM says where it is; remake=1 renews the pictures of docs/)
	$(bin)/pytest -m browser tests/browser $(if $(remake),--remake)

test-cluster: $(installed) ## run the tests against the cluster that KUBECONFIG names
	$(bin)/pytest -m cluster tests/cluster

coverage: $(installed) ## run the tests and show which lines and branches they miss
	$(bin)/coverage run -m pytest
	$(bin)/coverage report

bench: $(installed) ## measure how fast the compiler starts, tasks run, and simulations are
	for benchmark in benchmarks/bench_*.py; do echo "$$benchmark"; $(bin)/python "$$benchmark" || exit; done

# The index is left to the configuration of whoever installs.
lock: $(installed) ## remake requirements.lock, with the newest versions that pyproject.toml allows
	$(bin)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' --quiet --output-file requirements.lock

# It does not come built, and its models and tables are in its source alone.
psls: $(installed) ## install psls, which synthesis_psls runs, and its data into .venv
	mkdir -p .venv/share/psls
	$(bin)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary psls --dest .venv/share psls==2.0
	$(bin)/python -m pip install --quiet --disable-pip-version-check .venv/share/psls-2.0.tar.gz
	tar -xzf .venv/share/psls-2.0.tar.gz -C .venv/share/psls --strip-components=1 \
		psls-2.0/psls.yaml psls-2.0/models psls-2.0/systematics
	rm .venv/share/psls-2.0.tar.gz

clean: ## remove what was built, .venv included
	rm -rf .venv build dist htmlcov .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# pip alone takes six times as long for the whole lock file, so it installs only uv, from that same file. But uv does not
# read pip's configuration: where only that one leads to an index, pip installs the rest, too. All is compiled at once, as
# a Python that may not write its bytecode would compile a thousand modules whenever it starts.
$(installed): requirements.lock pyproject.toml eas/__about__.py | $(bin)/python
	sed -n '/^uv==/,/# via/p' requirements.lock >.venv/uv.lock
	$(bin)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.lock
	$(bin)/uv pip sync --quiet --compile-bytecode --python $(bin)/python --require-hashes requirements.lock || \
		$(bin)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(bin)/uv pip install --offline --quiet --python $(bin)/python --no-deps --no-build-isolation --editable .
	$(bin)/python -m compileall -q -j 0 $(packages)
	touch $@

$(bin)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo 'EAS needs Python 3.11 or newer with its venv module (on Debian: apt-get install python3-venv)' >&2; exit 1; fi
	$(PYTHON) -m venv .venv
