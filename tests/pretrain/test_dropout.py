import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from spacy_nuner.pretrain.dropout import (
    FastAttention,
    FastDropout,
    attend,
    use_fast_dropout,
)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(400, 500)
    y = FastDropout(p).train()(x)
    assert float((y == 0).float().mean()) == pytest.approx(p, abs=0.005)
    assert float(y.mean()) == pytest.approx(1.0, abs=0.01)
    assert y.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])


def test_seed_fixes_the_mask() -> None:
    dropout, x = FastDropout(0.5).train(), torch.ones(50)
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(dropout(x))
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


def test_gradient_and_precision() -> None:
    x = torch.ones(30, requires_grad=True)
    y = FastDropout(0.5).train()(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    half = FastDropout(0.5).train()(torch.ones(30, dtype=torch.bfloat16))
    assert half.dtype == torch.bfloat16


def test_replaces_dropout_alone() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.3)))
    names = list(module.state_dict())
    use_fast_dropout(module)
    assert isinstance(module[1][0], FastDropout) and module[1][0].p == 0.3
    assert list(module.state_dict()) == names
    assert torch.equal(module.eval()[1](torch.ones(4)), torch.ones(4))


@pytest.fixture
def heads() -> list[torch.Tensor]:
    """Query, key and value of 2 texts: 3 heads, 5 sub-tokens, width 4."""
    torch.manual_seed(0)
    return [torch.randn(2, 3, 5, 4, requires_grad=True) for _ in range(3)]


@pytest.fixture
def mask() -> torch.Tensor:
    """The second text has 3 sub-tokens; the others are padding."""
    mask = torch.zeros(2, 1, 1, 5)
    mask[1, ..., 3:] = torch.finfo(torch.float32).min
    return mask


@pytest.mark.parametrize("masked", [True, False])
def test_attention_is_torchs(
    heads: list[torch.Tensor], mask: torch.Tensor, masked: bool
) -> None:
    chosen = mask if masked else None
    expected = scaled_dot_product_attention(*heads, attn_mask=chosen)
    # So small a share that nothing is dropped
    ours = attend(*heads, attn_mask=chosen, dropout_p=1e-9)
    torch.testing.assert_close(ours, expected)
    upper = torch.randn_like(expected)
    for left, right in zip(
        torch.autograd.grad(ours, heads, upper),
        torch.autograd.grad(expected, heads, upper),
        strict=True,
    ):
        torch.testing.assert_close(left, right)


def test_attention_drops_weights(heads: list[torch.Tensor], mask: torch.Tensor) -> None:
    # With the identity as values, weights are what comes out
    query, key, _ = heads
    value = torch.eye(5).expand(2, 3, 5, 5)
    whole = attend(query, key, value, mask)
    with FastAttention(), torch.no_grad():
        drawn = torch.stack(
            [
                scaled_dot_product_attention(
                    query, key, value, attn_mask=mask, dropout_p=0.25
                )
                for _ in range(400)
            ]
        )
    kept = drawn[:, whole > 0] > 0
    assert float(kept.float().mean()) == pytest.approx(0.75, abs=0.01)
    torch.testing.assert_close(drawn.mean(0), whole.detach(), rtol=0, atol=0.05)
    assert not drawn[:, 1, ..., 3:].any()


def test_other_attention_is_left_to_torch(
    heads: list[torch.Tensor], mask: torch.Tensor
) -> None:
    with FastAttention():
        for options in (
            {"attn_mask": mask == 0},
            {"is_causal": True, "dropout_p": 0.3},
            {"attn_mask": mask == 0, "dropout_p": 0.3},
        ):
            torch.manual_seed(1)
            ours = scaled_dot_product_attention(*heads, **options)
            torch.manual_seed(1)
            with torch._C.DisableTorchFunction():
                expected = scaled_dot_product_attention(*heads, **options)
            assert torch.equal(ours, expected)
