.DEFAULT_GOAL := help
.PHONY: help run test lint slow shots bench constraints

BIN := .venv/bin/

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/pytest:
	python3 -m venv .venv
	.venv/bin/pip install -e '.[test]' -c constraints.txt

run: .venv/bin/pytest ## serve tenants.yaml, else tenants.example.yaml
	$(BIN)frontdesk serve

test: .venv/bin/pytest ## the ordinary tests
	$(BIN)pytest -n 3 --dist worksteal

lint: .venv/bin/pytest ## ruff and mypy
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	PATH="$(CURDIR)/.venv/bin:$$PATH" .ci/mypy

slow: .venv/bin/pytest ## the long tests
	$(BIN)pytest -m slow

shots: .venv/bin/pytest ## pictures of every page into shots/, at 1440 and 390, light and dark
	FRONTDESK_SHOTS=$(CURDIR)/shots $(BIN)pytest -q -m "slow or not slow" tests/admin_ui

bench: .venv/bin/pytest ## the figures of bench/README.md
	$(BIN)python bench/run.py all

constraints: .venv/bin/pytest ## write constraints.txt from what is installed in .venv
	{ head -n 1 constraints.txt; $(BIN)pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt
