"""Makes tiny models with random weights; run by the Python that has the packages.

/elsewhere/bin/python tests/evaluate/others_models.py gliner <encoder> <folder>
"""

import sys


def make_gliner(encoder: str, folder: str) -> None:
    from gliner import GLiNER

    GLiNER.from_config(
        {"model_name": encoder, "max_len": 64, "hidden_size": 16, "dropout": 0.0}
    ).save_pretrained(folder)


def make_span_marker(encoder: str, folder: str) -> None:
    from span_marker import SpanMarkerModel

    model = SpanMarkerModel.from_pretrained(
        encoder,
        labels=["O", "ARTIST", "artwork", "PLANET"],
        model_max_length=64,
        entity_max_length=4,
    )
    model.save_pretrained(folder)


if __name__ == "__main__":
    maker = {"gliner": make_gliner, "span_marker": make_span_marker}[sys.argv[1]]
    maker(*sys.argv[2:])
