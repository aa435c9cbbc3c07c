# Beyond the paper: loss against N, how often the optimum is found, cost.
# Runs of 6 ps from frames of the long one show how far one such run may be off.

STUDY := $(PAPER)/study
STUDIED := otp aniline
FIGURES += $(foreach name,loss optimum,$(DRAWN)/$(name).svg $(DRAWN)/$(name).png)
ifdef QUICK
SHORT_RUNS := 5
else
SHORT_RUNS := 20
endif

# Costs are ratios of CPU times, of one thread.
$(STUDY)/study.json $(STUDIED:%=$(STUDY)/%_runs.npz): export OMP_NUM_THREADS := 1

$(STUDY)/%_runs.npz: docs/paper/short_runs.py data/gas_dynamics.py data/oplsaa.json $(ATOMS)/%.xtc | $(INSTALLED)
	PYTHONPATH=data $(BIN)/python $< $* $(ATOMS)/$*.xtc --topology $(ATOMS)/$*.psf \
	    --runs $(SHORT_RUNS) -o $@

$(STUDY)/study.json: docs/paper/study.py docs/paper/study_loss.py docs/paper/study_methods.py \
    docs/paper/study_results.py docs/paper/trained_decoder.py $(STUDIED:%=$(STUDY)/%_runs.npz) \
    $(foreach name,$(STUDIED),$(addprefix $(ATOMS)/$(name),.xtc _forces.dcd _6ps.xtc _6ps_forces.dcd))
	$(BIN)/python $< --atoms $(ATOMS) --runs $(STUDY) -o $@ $(QUICKLY)

$(DRAWN)/loss.svg $(DRAWN)/loss.png &: docs/paper/figure_loss.py $(STUDY)/study.json docs/paper/published.py docs/paper/drawing.py
	$(BIN)/python $< $(DRAWN)/loss $(STUDY)/study.json $(QUICKLY)

$(DRAWN)/optimum.svg $(DRAWN)/optimum.png &: docs/paper/figure_optimum.py $(STUDY)/study.json docs/paper/drawing.py
	$(BIN)/python $< $(DRAWN)/optimum $(STUDY)/study.json $(QUICKLY)
