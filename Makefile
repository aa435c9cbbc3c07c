# `make demo` shows what the program does, `make test` that it works.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SOURCES := $(shell find src -name '*.py' -o -name '*.jinja')
CHECKED := src tests docs benchmarks data

MOLECULE ?= otp
BEADS_otp := 3
BEADS_aniline := 2
SAMPLE := data/samples/$(MOLECULE)
DEMO := build/demo/$(MOLECULE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install format lint types test test-slow docs samples golden bench check

help:
	@echo "make demo        install, then run the four commands on real data (MOLECULE=otp or aniline)"
	@echo "make test        install, then the fast tests with coverage"
	@echo "make test-slow   all tests"
	@echo "make check       test, lint, types and docs: what CI runs"
	@echo "make format      lay out the code"
	@echo "make docs        rebuild the generated pages; fails if one was out of date"
	@echo "make samples     regenerate the sample data (minutes)"
	@echo "make golden      write the golden numbers of the tests anew"
	@echo "make bench       run the benchmarks"

# --- install --------------------------------------------------------------------------

install: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@echo "Installing into .venv: a minute or two"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt setuptools
	$(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[dev,openmm]'
	@touch $@

# --- demo -----------------------------------------------------------------------------
# Trained on the first half of the trajectory, compared with the second.

demo: $(DEMO)/report.html
	@echo "The report is $(DEMO)/report.html"

$(DEMO)/mapping.h5: $(INSTALLED) $(SOURCES) $(SAMPLE).xtc $(SAMPLE).psf
	@mkdir -p $(DEMO)
	$(BIN)/autograin fit-mapping $(SAMPLE).xtc -s $(SAMPLE).psf --end 3ns \
	    --beads $(BEADS_$(MOLECULE)) -o $@ --overwrite

$(DEMO)/potential.h5: $(DEMO)/mapping.h5 $(SAMPLE)_forces.dcd
	$(BIN)/autograin fit-potential $< $(SAMPLE).xtc -s $(SAMPLE).psf --end 3ns \
	    --forces $(SAMPLE)_forces.dcd --force-unit kJ/mol/A --temperature 300 -o $@ --overwrite

$(DEMO)/simulation.h5: $(DEMO)/potential.h5
	$(BIN)/autograin simulate $< --time 1ns -o $@ --overwrite

$(DEMO)/report.html: $(DEMO)/simulation.h5
	$(BIN)/autograin compare $< $(SAMPLE).xtc -s $(SAMPLE).psf --begin 3ns \
	    -o $(DEMO)/comparison.h5 --report $@ --overwrite

# --- checks ---------------------------------------------------------------------------

format: $(INSTALLED)
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

lint: $(INSTALLED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)

types: $(INSTALLED)
	$(BIN)/mypy

# Tests are many small problems, in which threads get in one another's way.
test test-slow: export OMP_NUM_THREADS ?= 1

test: $(INSTALLED)
	$(BIN)/python -m pytest -m 'not slow' --cov --cov-report=term

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest

docs: $(INSTALLED)
	$(BIN)/python docs/cli_page.py
	$(BIN)/python docs/format_page.py

check: test lint types docs

# --- data and timings -----------------------------------------------------------------

golden: $(INSTALLED)
	AUTOGRAIN_GOLDEN=1 $(BIN)/python -m pytest tests/test_golden.py

samples: $(INSTALLED)
	$(BIN)/python data/gas_phase.py otp aniline --out data/samples

bench: $(INSTALLED)
	for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done
