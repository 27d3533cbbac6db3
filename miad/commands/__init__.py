"""The commands as plain typed functions: a signature is an interface, a docstring its help."""
