"""`neuralib models …`"""
import typer
app = typer.Typer()
