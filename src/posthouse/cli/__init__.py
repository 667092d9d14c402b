"""The command line: `main` puts the commands together, one module per family holds them."""
