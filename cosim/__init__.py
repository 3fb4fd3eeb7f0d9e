"""The simulation in SimPy: actors, fleet state, links, grid coupling, and the recorder in memory. No files, no terminal."""
