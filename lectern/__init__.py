"""The command line, and the one place where the parts are chosen and wired together."""
