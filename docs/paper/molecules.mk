# Figures 2 and 3: ortho-terphenyl and aniline.
# Of each molecule: mapping.h5, learned from nanoseconds, and in 6ps/ another from the paper's six
# picoseconds; in harmonic/ the potential of the paper, in spline/ that of this program.

MOLECULES_DRAWN := otp aniline
GAS_PHASE := data/gas_phase.py data/gas_dynamics.py data/molecules.py data/force_field.py data/oplsaa.json
DRAWING := $(addprefix docs/paper/,drawing.py structures.py published.py)
# What of the settings of a molecule is shorter from the samples.
ifdef QUICK
SHORTER := --time 200ps --equilibration 20ps
else
SHORTER :=
endif
SPLINES := --bond spline --angle spline --force-map optimal

# One run writes all files of a molecule. It goes on from where it was stopped.
define gas_of
$(addprefix $(FULL)/$(1),.psf .xtc _forces.dcd _6ps.xtc _6ps_forces.dcd) &: $(GAS_PHASE) | $(INSTALLED)
	$(BIN)/python data/gas_phase.py $(1) --out $(FULL)
endef
$(foreach name,$(MOLECULES_DRAWN),$(eval $(call gas_of,$(name))))
# One after the other: both write their sections of README.md.
$(addprefix $(FULL)/aniline,.psf .xtc _forces.dcd _6ps.xtc _6ps_forces.dcd): | $(FULL)/otp.xtc

# Options to read the frames, $(2) after the name of the molecule $(1).
frames_of = $(ATOMS)/$(1)$(2).xtc -s $(ATOMS)/$(1).psf
forces_of = --forces $(ATOMS)/$(1)$(2)_forces.dcd --force-unit kJ/mol/A

define mapping_of
$(PAPER)/$(1)/$(3)mapping.h5: $(SOURCES) docs/paper/$(1).toml $(addprefix $(ATOMS)/$(1),.psf $(2).xtc $(2)_forces.dcd) | $(INSTALLED)
	@mkdir -p $$(@D)
	$(BIN)/autograin fit-mapping $(frames_of) $(forces_of) --config docs/paper/$(1).toml $(4) -o $$@ --overwrite
endef

define model_of
$(PAPER)/$(1)/$(2)/potential.h5: $(PAPER)/$(1)/mapping.h5
	@mkdir -p $$(@D)
	$(BIN)/autograin fit-potential $$< $(call frames_of,$(1)) $(call forces_of,$(1)) --config docs/paper/$(1).toml $(3) -o $$@ --overwrite

$(PAPER)/$(1)/$(2)/simulation.h5: $(PAPER)/$(1)/$(2)/potential.h5
	$(BIN)/autograin simulate $$< --config docs/paper/$(1).toml $(SHORTER) -o $$@ --overwrite

$(PAPER)/$(1)/$(2)/comparison.h5: $(PAPER)/$(1)/$(2)/simulation.h5
	$(BIN)/autograin compare $$< $(call frames_of,$(1)) --config docs/paper/$(1).toml -o $$@ --overwrite
endef

$(foreach name,$(MOLECULES_DRAWN),\
  $(eval $(call mapping_of,$(name)))\
  $(eval $(call mapping_of,$(name),_6ps,6ps/,--no-symmetry))\
  $(eval $(call model_of,$(name),harmonic))\
  $(eval $(call model_of,$(name),spline,$(SPLINES))))

$(DRAWN)/figure_2.svg $(DRAWN)/figure_2.png &: docs/paper/figure_2.py docs/paper/training.py $(DRAWING) $(foreach \
  name,$(MOLECULES_DRAWN),$(addprefix $(PAPER)/$(name)/,mapping.h5 harmonic/comparison.h5 spline/comparison.h5))
	$(BIN)/python docs/paper/figure_2.py $(DRAWN)/figure_2 --atoms $(ATOMS) --made $(PAPER) $(QUICKLY)

$(DRAWN)/figure_3.svg $(DRAWN)/figure_3.png &: docs/paper/figure_3.py docs/paper/reconstruction.py $(DRAWING) $(foreach \
  name,$(MOLECULES_DRAWN),$(addprefix $(PAPER)/$(name)/,mapping.h5 6ps/mapping.h5))
	$(BIN)/python docs/paper/figure_3.py $(DRAWN)/figure_3 --atoms $(ATOMS) --made $(PAPER) $(QUICKLY)

FIGURES += $(foreach number,2 3,$(DRAWN)/figure_$(number).svg $(DRAWN)/figure_$(number).png)
