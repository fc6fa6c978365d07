import pytest
import torch
from torch import nn

from spacy_nuner.pretrain.dropout import FastDropout, use_fast_dropout


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
