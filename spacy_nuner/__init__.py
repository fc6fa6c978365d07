"""The method of NuNER (EMNLP 2024) for spaCy."""

import logging

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
