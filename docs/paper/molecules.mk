# Figures 2 and 3: ortho-terphenyl and aniline.
