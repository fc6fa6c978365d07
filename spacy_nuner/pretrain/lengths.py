"""How long texts and concepts may be, by what tokenizer and encoder can do."""

from transformers import PreTrainedTokenizerBase

from ..errors import Errors
from ..hf import count_positions


def check_length(
    got: int, tokenizer: PreTrainedTokenizerBase, *, encoder: str, setting: str
) -> None:
    """Check that something of a text is left when it is cut, and that it fits.

    Below the number of special sub-tokens, tokenizers cut nothing and say nothing; at
    that number, all texts are the same. Above the encoder's positions, the first long
    text would end the run.

    got (int): Sub-tokens of a text, special ones included.
    tokenizer (PreTrainedTokenizerBase): The encoder's.
    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    setting (str): Name of the setting.
    RAISES (ValueError): If it is too small or too large.
    """
    n_special = tokenizer.num_special_tokens_to_add()
    at = {"setting": setting, "got": got, "encoder": encoder}
    if got <= n_special:
        least = n_special + 1
        raise ValueError(Errors.N395.format(n_special=n_special, least=least, **at))
    most = count_positions(encoder)
    if most is not None and got > most:
        raise ValueError(Errors.N396.format(most=most, **at))
