"""Measurements: load generator, counting sink, meters and the matrix of `make bench`."""
