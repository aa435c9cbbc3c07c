# Figures 4, 5 and 6: liquid methane and ethane.
