# Everything installs into .venv from locks with hashes; a fresh machine needs git, make and Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8080
SPEED ?=
TAPE ?=
HEADLESS ?=
WEBHOOK ?=
DATA ?=

.PHONY: demo live test lint bench results docs reference screenshots soak lock clean
.DEFAULT_GOAL := demo

.venv/installed: requirements/runtime.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/runtime.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

demo: .venv/installed
	@exec $(BIN)/vibelux demo --port $(PORT) $(if $(SPEED),--speed $(SPEED)) $(if $(TAPE),--tape $(TAPE)) $(if $(WEBHOOK),--webhook "$(WEBHOOK)") $(if $(HEADLESS),--headless)

live: .venv/installed
	@exec $(BIN)/vibelux live --port $(PORT)

test: .venv/installed-dev
	$(BIN)/pytest -n 2 --dist loadgroup

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed-dev
	$(BIN)/python bench/run.py

results: .venv/installed
	@test -n "$(DATA)" || { echo "make results DATA=<folder of recorded histories>"; exit 2; }
	$(BIN)/python bench/results.py "$(DATA)" --work .results --page docs/results.md

docs: .venv/installed-dev
	$(BIN)/mkdocs build --quiet

reference: .venv/installed-dev
	$(BIN)/python docs/make_reference.py

screenshots: .venv/installed-dev
	$(BIN)/python bench/screenshots.py

soak: .venv/installed-dev
	VIBELUX_SOAK=1 $(BIN)/pytest --timeout 7200

lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	printf 'uv\nsetuptools\nwheel\n' | uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/uv.txt

clean:
	rm -rf .venv .demo .live .results
