"""Tiny random encoders of the families that can be pre-trained, with real tokenizers.

Each tokenizer has the normaliser, pre-tokenizer, model and post-processor of its
family, and a vocabulary learned from a few sentences.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedModel, PreTrainedTokenizerFast

WIDTH = 16
N_LAYERS = 2
VOCAB_SIZE = 400


def build_family(
    name: str, path: Path, texts: Sequence[str], *, width: int = WIDTH
) -> Path:
    """Write a random encoder of a family as an encoder folder.

    name (str): One of `FAMILIES`.
    path (Path): The folder to make.
    texts (Sequence[str]): What the vocabulary is learned from.
    width (int): Width of the encoder.
    RETURNS (Path): The folder.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # The modules of ModernBERT and DeBERTa use it when they are first imported
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        torch.manual_seed(0)
        tokenizer, model = FAMILIES[name](texts, width)
        # Trained weights are not all of one size: what is not carried over shows
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(path, safe_serialization=True)
    tokenizer.model_max_length = 128
    tokenizer.save_pretrained(path)
    return path


def make_roberta(
    texts: Sequence[str], width: int, *, add_prefix_space: bool = False
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Byte-level BPE: half characters are sub-tokens; white space is cut off."""
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=add_prefix_space
    )
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, texts, special, byte_level=True)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=add_prefix_space
    )
    fast = RobertaTokenizerFast(
        tokenizer_object=tokenizer, add_prefix_space=add_prefix_space
    )
    config = RobertaConfig(
        **sizes(fast, width), max_position_embeddings=130, type_vocab_size=1
    )
    return fast, RobertaModel(config, add_pooling_layer=False)


def make_roberta_prefix(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """The same, with a space put before the text."""
    return make_roberta(texts, width, add_prefix_space=True)


def make_bert(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """WordPiece: lower case, accents taken off, unknown words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    fast = BertTokenizerFast(tokenizer_object=make_wordpiece(texts))
    return fast, BertModel(BertConfig(**sizes(fast, width)), add_pooling_layer=False)


def make_distilbert(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """BERT's tokenizer, another layout of the model."""
    from transformers import (
        DistilBertConfig,
        DistilBertModel,
        DistilBertTokenizerFast,
    )

    fast = DistilBertTokenizerFast(tokenizer_object=make_wordpiece(texts))
    config = DistilBertConfig(
        vocab_size=len(fast),
        dim=width,
        hidden_dim=2 * width,
        n_layers=N_LAYERS,
        n_heads=2,
        pad_token_id=fast.pad_token_id,
    )
    return fast, DistilBertModel(config)


def make_modernbert(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Byte-level BPE whose offsets keep the white space; local and global layers."""
    from transformers import ModernBertConfig, ModernBertModel

    special = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, texts, special, byte_level=True)
    tokenizer.post_processor = surround("[CLS]", 0, "[SEP]", 1)
    fast = wrap(tokenizer, cls="[CLS]", sep="[SEP]", pad="[PAD]", unk="[UNK]")
    config = ModernBertConfig(
        **sizes(fast, width),
        local_attention=4,
        global_attn_every_n_layers=2,
        cls_token_id=0,
        sep_token_id=1,
        bos_token_id=0,
        eos_token_id=1,
        embedding_dropout=0.1,
        mlp_dropout=0.1,
        attention_dropout=0.1,
    )
    return fast, ModernBertModel(config)


def make_deberta(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Unigram with Metaspace; relative positions in embeddings that layers share."""
    from transformers import (
        DebertaV2Config,
        DebertaV2Model,
        DebertaV2TokenizerFast,
    )

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    tokenizer = make_unigram(texts, special, unk="[UNK]")
    tokenizer.post_processor = surround("[CLS]", 1, "[SEP]", 2)
    fast = DebertaV2TokenizerFast(tokenizer_object=tokenizer)
    config = DebertaV2Config(
        **sizes(fast, width),
        max_position_embeddings=130,
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type="p2c|c2p",
        position_biased_input=False,
        type_vocab_size=0,
    )
    return fast, DebertaV2Model(config)


def make_xlm_roberta(
    texts: Sequence[str], width: int
) -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Unigram with Metaspace and a normaliser that expands and drops characters."""
    from transformers import (
        XLMRobertaConfig,
        XLMRobertaModel,
        XLMRobertaTokenizerFast,
    )

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = make_unigram(texts, special, unk="<unk>")
    tokenizer.post_processor = surround("<s>", 0, "</s>", 2)
    fast = XLMRobertaTokenizerFast(tokenizer_object=tokenizer)
    config = XLMRobertaConfig(
        **sizes(fast, width), max_position_embeddings=130, type_vocab_size=1
    )
    return fast, XLMRobertaModel(config, add_pooling_layer=False)


FAMILIES: dict[
    str,
    Callable[[Sequence[str], int], tuple[PreTrainedTokenizerFast, PreTrainedModel]],
] = {
    "roberta": make_roberta,
    "roberta-prefix": make_roberta_prefix,
    "bert": make_bert,
    "distilbert": make_distilbert,
    "modernbert": make_modernbert,
    "deberta-v3": make_deberta,
    "xlm-roberta": make_xlm_roberta,
}


def make_wordpiece(texts: Sequence[str]) -> Tokenizer:
    """RETURNS (Tokenizer): BERT's tokenizer, uncased."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCAB_SIZE, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = surround("[CLS]", 2, "[SEP]", 3)
    return tokenizer


def make_unigram(texts: Sequence[str], special: list[str], *, unk: str) -> Tokenizer:
    """RETURNS (Tokenizer): SentencePiece's Unigram, normalised as by nmt_nfkc."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=special,
        unk_token=unk,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train(
    tokenizer: Tokenizer, texts: Sequence[str], special: list[str], *, byte_level: bool
) -> None:
    """Learn the merges of a byte-pair encoding."""
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)


def surround(
    first: str, first_id: int, last: str, last_id: int
) -> processors.TemplateProcessing:
    """RETURNS (TemplateProcessing): Puts special sub-tokens around a text."""
    return processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(first, first_id), (last, last_id)],
    )


def wrap(
    tokenizer: Tokenizer, *, cls: str, sep: str, pad: str, unk: str
) -> PreTrainedTokenizerFast:
    """RETURNS (PreTrainedTokenizerFast): A tokenizer without a class of its own."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=cls,
        sep_token=sep,
        pad_token=pad,
        unk_token=unk,
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def sizes(tokenizer: PreTrainedTokenizerFast, width: int) -> dict[str, int]:
    """RETURNS (dict[str, int]): What the configs of nearly all families share."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
        "pad_token_id": int(tokenizer.pad_token_id),
    }
