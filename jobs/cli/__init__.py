"""The command line: the only part that prints. One file per group of commands; `main.py` is where it starts."""
