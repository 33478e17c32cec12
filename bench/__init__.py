"""Figures: how quick, how small and how hard to kill, each beside a peer or a limit of the run."""
