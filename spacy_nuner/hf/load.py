"""Load encoders and tokenizers from a folder or from the hub."""

import inspect
from pathlib import Path
from typing import cast

from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ..errors import Errors

# One of them has to be in an encoder folder
TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spm.model",
)
# What else decides how it works, where it is there
TOKENIZER_PARTS = (
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
# Dropout of BERT, RoBERTa, XLM-R, DeBERTa; ModernBERT; DistilBERT. That of a classifier
# is not used
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "embedding_dropout",
    "mlp_dropout",
    "attention_dropout",
    "dropout",
)


def load_model(encoder: str, *, dropout: float | None = None) -> PreTrainedModel:
    """Load a base encoder without its pooling layer.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    dropout (float | None): Dropout of hidden states and attention; None: the encoder's
        own.
    RETURNS (PreTrainedModel): The encoder, in evaluation mode.
    RAISES (ValueError): If there is no such encoder, or it has no safetensors: other
        formats are unpickled when they are read, which can run any code; if the file
        lacks weights of the encoder, or the encoder's dropout can't be set.
    """
    config = load_config(encoder)
    if dropout is not None:
        known = [name for name in DROPOUTS if hasattr(config, name)]
        if not known:
            names = ", ".join(DROPOUTS)
            raise ValueError(Errors.N350.format(path=encoder, known=names))
        for name in known:
            setattr(config, name, dropout)
    options = pooling_layer_option(config)
    try:
        model, found = AutoModel.from_pretrained(
            encoder,
            config=config,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except OSError as error:
        raise ValueError(Errors.N302.format(path=encoder, error=error)) from None
    # They would be random, and only a warning would say so
    if missing := sorted(
        name for name in found["missing_keys"] if "pooler." not in name
    ):
        raise ValueError(
            Errors.N351.format(
                path=encoder,
                n=len(missing),
                missing=", ".join(missing[:3]),
                got=", ".join(sorted(found["unexpected_keys"])[:3]) or "nothing else",
            )
        )
    return cast(PreTrainedModel, model)


def load_config(encoder: str) -> PretrainedConfig:
    """Load the configuration of an encoder, without its weights.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    RETURNS (PretrainedConfig): The configuration.
    RAISES (ValueError): If there is no such encoder.
    """
    try:
        return AutoConfig.from_pretrained(encoder)
    except (OSError, ValueError) as error:
        raise ValueError(Errors.N302.format(path=encoder, error=error)) from None


def pooling_layer_option(config: PretrainedConfig) -> dict[str, bool]:
    """Get the argument that leaves out the pooling layer, if the model knows it.

    config (PretrainedConfig): Configuration of the encoder.
    RETURNS (dict[str, bool]): Keyword arguments for AutoModel.
    """
    model_class = cast(type[PreTrainedModel], MODEL_MAPPING[type(config)])
    known = inspect.signature(model_class).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in known else {}


def load_tokenizer(encoder: str) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of an encoder.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    RETURNS (PreTrainedTokenizerBase): The tokenizer.
    RAISES (ValueError): If the folder has no tokenizer, or only a slow one.
    """
    folder = Path(encoder)
    # Without its files, AutoTokenizer makes an empty tokenizer for some models
    if folder.is_dir():
        list_tokenizer_files(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
    # The last where a file of SentencePiece's is to be converted
    except (OSError, ValueError, ImportError) as error:
        problem = " ".join(str(error).split()).rstrip(".")
        raise ValueError(Errors.N303.format(path=encoder, problem=problem)) from None
    if not tokenizer.is_fast:
        raise ValueError(Errors.N303.format(path=encoder, problem="only a slow one"))
    return tokenizer


def list_tokenizer_files(folder: Path) -> list[Path]:
    """List the files of a tokenizer.

    folder (Path): Encoder folder.
    RETURNS (list[Path]): Those that are there, in a fixed order.
    RAISES (ValueError): If none of them has a vocabulary.
    """
    if not any((folder / name).exists() for name in TOKENIZERS):
        raise ValueError(Errors.N303.format(path=folder, problem="no tokenizer file"))
    paths = [folder / name for name in (*TOKENIZERS, *TOKENIZER_PARTS)]
    return [path for path in paths if path.is_file()]
