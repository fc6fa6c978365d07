"""A random encoder of toy size: for tests and the `tiny` profile, never for results."""

from collections.abc import Iterable
from pathlib import Path

TINY_WIDTH = 16
TINY_LAYERS = 2


def build_tiny_encoder(
    path: Path, texts: Iterable[str], *, vocab_size: int = 400, seed: int = 0
) -> Path:
    """Write a random 2-layer RoBERTa with a byte-level tokenizer as an encoder folder.

    Any text can be encoded, since the tokenizer's alphabet is all 256 bytes.

    path (Path): Folder to write, made if missing.
    texts (Iterable[str]): Texts from which the byte-pair merges are learned.
    vocab_size (int): Sub-tokens of the vocabulary at most.
    seed (int): Seed of the random weights.
    RETURNS (Path): The folder.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    trained.train_from_iterator(
        texts,
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=special,
        length=None,
    )
    path.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(path))
    tokenizer = RobertaTokenizerFast.from_pretrained(str(path), add_prefix_space=True)
    tokenizer.model_max_length = 128
    tokenizer.save_pretrained(str(path))
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=TINY_WIDTH,
        num_hidden_layers=TINY_LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * TINY_WIDTH,
        max_position_embeddings=130,
        type_vocab_size=1,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RobertaModel(config, add_pooling_layer=False)
    model.save_pretrained(str(path), safe_serialization=True)
    return path
