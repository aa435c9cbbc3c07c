# Figures 4, 5 and 6: liquid methane and ethane. Settings are in methane.toml and ethane.toml; here
# is what tells the models of a figure apart, and what is less of it when QUICK.
#
# In full, models learn from 1 ns of 64 molecules (figure 6: from another run too) and are judged by
# a run of 512 methane or 343 ethane. QUICK, they learn from the first half of the samples, and are
# judged by the second half: 64 molecules.

LIQUID := $(PAPER)/liquids
FIGURES += $(DRAWN)/figure_4.svg $(DRAWN)/figure_5.svg $(DRAWN)/figure_6.svg

METHANE := $(ATOMS)/methane
ETHANE := $(ATOMS)/ethane
ifdef QUICK
ETHANES := $(ETHANE)
OTHER_METHANE := $(METHANE)
OTHER_ETHANE := $(ETHANE)
LIQUID_TRAINING := --end 500ps
LIQUID_JUDGING := --begin 500ps
LIQUID_RUN := --molecules 64 --time 400ps
NETWORK_RUN := --time 80ps --equilibration 20ps
NETWORK := --features 16 --epochs 10
else
ETHANES := $(ETHANE) $(FULL)/ethane_more
OTHER_METHANE := $(FULL)/methane_512
OTHER_ETHANE := $(FULL)/ethane_343
endif

FORM_lj-12-6 := --pair lj-12-6
FORM_lj-9-6 := --pair lj-9-6
FORM_paper := --bond harmonic --pair lj-9-6
FORM_spline := --bond spline --pair spline
FORM_network := $(FORM_spline) --neural --resume $(NETWORK)

LIQUID_DRAWING := $(addprefix docs/paper/,drawing.py curves.py comparisons.py)
FIGURE_4 := $(addprefix $(LIQUID)/methane_,$(addsuffix .comparison.h5,lj-12-6 lj-9-6 spline))
FIGURE_5 := $(addprefix $(LIQUID)/ethane_,$(addsuffix .comparison.h5,paper spline))
FIGURE_6 := $(addprefix $(LIQUID)/ethane-mass_,$(addsuffix .comparison.h5,spline network))

# 'make -j2' has one core for each command.
$(foreach n,4 5 6,$(DRAWN)/figure_$(n).svg $(DRAWN)/figure_$(n).png): export OMP_NUM_THREADS ?= 1

$(DRAWN)/figure_4.svg $(DRAWN)/figure_4.png &: docs/paper/figure_4.py $(LIQUID_DRAWING) $(FIGURE_4)
	$(BIN)/python $< $@ $(QUICKLY) "LJ 12-6=$(word 1,$(FIGURE_4))" \
	    "LJ 9-6=$(word 2,$(FIGURE_4))" "spline=$(word 3,$(FIGURE_4))"

$(DRAWN)/figure_5.svg $(DRAWN)/figure_5.png &: docs/paper/figure_5.py docs/paper/structures.py $(LIQUID_DRAWING) $(FIGURE_5)
	$(BIN)/python $< $@ $(QUICKLY) "harmonic bond, LJ 9-6=$(word 1,$(FIGURE_5))" \
	    "splines=$(word 2,$(FIGURE_5))"

$(DRAWN)/figure_6.svg $(DRAWN)/figure_6.png &: docs/paper/figure_6.py $(LIQUID_DRAWING) $(FIGURE_6)
	$(BIN)/python $< $@ $(QUICKLY) "splines=$(word 1,$(FIGURE_6))" \
	    "splines and network=$(word 2,$(FIGURE_6))"

# --- fit-mapping ----------------------------------------------------------------------

$(LIQUID)/methane.map.h5: docs/paper/methane.toml $(METHANE).xtc | $(INSTALLED)
	@mkdir -p $(@D)
	$(BIN)/autograin fit-mapping --config $< $(METHANE).xtc -s $(METHANE).psf $(LIQUID_TRAINING) \
	    -o $@ --overwrite

$(LIQUID)/ethane.map.h5: WEIGHTS := --weights uniform
$(LIQUID)/ethane-mass.map.h5: WEIGHTS := --weights mass

$(addprefix $(LIQUID)/,ethane.map.h5 ethane-mass.map.h5): docs/paper/ethane.toml $(ETHANE).xtc | $(INSTALLED)
	@mkdir -p $(@D)
	$(BIN)/autograin fit-mapping --config $< $(ETHANE).xtc -s $(ETHANE).psf $(LIQUID_TRAINING) \
	    $(WEIGHTS) -o $@ --overwrite

# --- fit-potential --------------------------------------------------------------------

$(LIQUID)/methane_%.fit.h5: $(LIQUID)/methane.map.h5 $(METHANE)_forces.dcd
	$(BIN)/autograin fit-potential --config docs/paper/methane.toml $< \
	    $(METHANE).xtc -s $(METHANE).psf --forces $(METHANE)_forces.dcd $(LIQUID_TRAINING) $(FORM_$*) \
	    -o $@ --overwrite

$(LIQUID)/ethane_%.fit.h5: $(LIQUID)/ethane.map.h5 $(ETHANE)_forces.dcd
	$(BIN)/autograin fit-potential --config docs/paper/ethane.toml $< \
	    $(ETHANE).xtc -s $(ETHANE).psf --forces $(ETHANE)_forces.dcd $(LIQUID_TRAINING) $(FORM_$*) \
	    -o $@ --overwrite

$(LIQUID)/ethane-mass_%.fit.h5: $(LIQUID)/ethane-mass.map.h5 $(ETHANES:%=%_forces.dcd)
	$(BIN)/autograin fit-potential --config docs/paper/ethane.toml $< \
	    $(ETHANES:%=%.xtc) -s $(ETHANE).psf $(ETHANES:%=--forces %_forces.dcd) $(LIQUID_TRAINING) \
	    $(FORM_$*) -o $@ --overwrite

# --- simulate -------------------------------------------------------------------------

$(LIQUID)/ethane-mass_spline.run.h5: PACE := --seed 1
$(LIQUID)/ethane-mass_network.run.h5: PACE := --seed 1 --timestep 6fs $(NETWORK_RUN)

$(LIQUID)/methane_%.run.h5: $(LIQUID)/methane_%.fit.h5
	$(BIN)/autograin simulate --config docs/paper/methane.toml $< $(LIQUID_RUN) -o $@ --overwrite

$(LIQUID)/ethane%.run.h5: $(LIQUID)/ethane%.fit.h5
	$(BIN)/autograin simulate --config docs/paper/ethane.toml $< $(LIQUID_RUN) $(PACE) -o $@ --overwrite

# --- compare --------------------------------------------------------------------------

$(LIQUID)/methane_%.comparison.h5: $(LIQUID)/methane_%.run.h5 $(OTHER_METHANE).xtc
	$(BIN)/autograin compare --config docs/paper/methane.toml $< \
	    $(OTHER_METHANE).xtc -s $(OTHER_METHANE).psf $(LIQUID_JUDGING) -o $@ --overwrite

$(LIQUID)/ethane%.comparison.h5: $(LIQUID)/ethane%.run.h5 $(OTHER_ETHANE).xtc
	$(BIN)/autograin compare --config docs/paper/ethane.toml $< \
	    $(OTHER_ETHANE).xtc -s $(OTHER_ETHANE).psf $(LIQUID_JUDGING) -o $@ --overwrite

# What stands between is kept.
.PRECIOUS: $(foreach name,methane_ ethane_ ethane-mass_,$(LIQUID)/$(name)%.fit.h5)
.PRECIOUS: $(foreach name,methane_ ethane,$(LIQUID)/$(name)%.run.h5 $(LIQUID)/$(name)%.comparison.h5)
