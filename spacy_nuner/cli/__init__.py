"""The console command `spacy-nuner`: one file per subcommand, each thin."""

from spacy_nuner.cli.main import main

__all__ = ["main"]
