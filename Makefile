PYTHON ?= python3
VENV := .venv
unexport PYTHONDONTWRITEBYTECODE # or every process compiles every module anew

.PHONY: run test docs bench matrix lowest clean

run: $(VENV)/run
	$(VENV)/bin/gpusim run us_eu_fleet --out out/us_eu_fleet

test: $(VENV)/test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pytest -n auto --dist worksteal

docs: $(VENV)/docs
	$(VENV)/bin/sphinx-build -W --keep-going -q -b html docs out/docs
	@echo "Open out/docs/index.html in a browser."

bench: $(VENV)/run
	$(VENV)/bin/python benchmarks/rounds.py $(or $(BASE),$(error give a revision to compare with: make bench BASE=main))

matrix:
	.ci/matrix

lowest:
	PYTHON=$(PYTHON) .ci/lowest

$(VENV)/run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable .
	touch $@

$(VENV)/test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-compile --editable '.[test]'
	touch $@

$(VENV)/docs: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) out build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
