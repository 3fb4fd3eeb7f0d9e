"""The simulation in SimPy: actors, fleet state, links, grid coupling, recorder in memory. No files, no terminal."""
