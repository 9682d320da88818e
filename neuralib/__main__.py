"""`python -m neuralib`: the same as the `neuralib` command."""

from neuralib.cli.app import main

main()
