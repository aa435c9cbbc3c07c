# Beyond the paper: loss against N, how often the optimum is found, cost.
