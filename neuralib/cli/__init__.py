"""The command line: a Typer app, one module a command group; the only place that prints."""
