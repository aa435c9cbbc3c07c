"""Published values of the loss of the mapping and of the force on its beads.

Losses are means over atoms and components, Å²; forces the mean square of the summed force on a
bead, (kcal/(mol Å))².
"""

# Digitised, to 2 %, from the figure of loss against N in npj Comput. Mater. 5, 125 (2019).
LOSSES = {
    "otp": {2: 1.96, 3: 0.36, 4: 0.04, 5: 0.024, 6: 0.019, 8: 0.014},
    "aniline": {2: 0.625, 3: 0.053, 4: 0.046, 5: 0.042},
}
FORCES = {
    "otp": {2: 700.0, 3: 1017.0, 4: 1660.0, 5: 1855.0, 6: 2120.0, 8: 2490.0},
    "aniline": {2: 940.0, 3: 1410.0, 4: 1600.0, 5: 1180.0},
}
FIGURE = "npj Comput. Mater. 5, 125"

# Ortho-terphenyl in three beads: the text of arXiv:1812.02706, and the log of the authors'
# public notebook, loss at its best and at its end.
TEXT, PAPER = 0.406, "arXiv:1812.02706"
LOG, LOG_FORCE, NOTEBOOK = (0.333, 0.352), 1066.0, "the authors' notebook"
