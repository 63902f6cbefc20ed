"""What the scripts of the same names call: train, evaluate, bench, export, check_fixture, fill_figures."""
