"""Which values the settings of model, loss and optimizer may have."""

import math
from numbers import Real
from typing import Any, Literal, cast

from thinc.api import Optimizer

from ..errors import Errors

# Values of a schedule that are looked at before a run starts
N_LOOKED_AT = 1000


def is_number(value: Any) -> bool:
    """Tell whether a setting is a finite number.

    Configs know nan and infinity, and may hold text where thinc lets it pass.

    value (Any): The setting.
    RETURNS (bool): Whether it is; true and false are none.
    """
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def check_model_values(
    temperature: float, bias: float | Literal["log_odds"], dropout: float | None
) -> None:
    """Refuse values that a model can't be built with.

    temperature (float): What the dot products are divided by.
    bias (float | Literal["log_odds"]): Added to each logit.
    dropout (float | None): Dropout of both encoders.
    RAISES (ValueError): If one of them is not allowed.
    """
    problem: tuple[str, Any, str] | None = None
    if not is_number(temperature) or temperature <= 0:
        problem = ("temperature", temperature, "a number above 0, like the paper's 5.0")
    elif bias != "log_odds" and not is_number(bias):
        problem = ("bias", bias, 'a number, or "log_odds"')
    elif dropout is not None and not (is_number(dropout) and 0 <= dropout < 1):
        allowed = "a number from 0 to below 1, or null for the base encoder's own"
        problem = ("dropout", dropout, allowed)
    if problem is not None:
        name, got, allowed = problem
        raise ValueError(Errors.N380.format(name=name, got=got, allowed=allowed))


def check_adamw_values(
    beta1: float, beta2: float, eps: float, weight_decay: float
) -> None:
    """Refuse values that an optimizer can't have.

    beta1 (float): Decay of the first moment.
    beta2 (float): Decay of the second moment.
    eps (float): Epsilon.
    weight_decay (float): Decay of the weights.
    RAISES (ValueError): If one of them is not allowed.
    """
    problem: tuple[str, Any, str] | None = None
    for name, got in (("beta1", beta1), ("beta2", beta2)):
        if not (is_number(got) and 0 <= got < 1):
            problem = (name, got, "a number from 0 to below 1")
    if not is_number(eps) or eps <= 0:
        problem = ("eps", eps, "a number above 0")
    if not is_number(weight_decay) or weight_decay < 0:
        problem = ("weight_decay", weight_decay, "a number from 0 up")
    if problem is not None:
        name, got, allowed = problem
        raise ValueError(Errors.N381.format(name=name, got=got, allowed=allowed))


def check_rate(rate: object) -> None:
    """Refuse a learning rate that leads up the hill, or nowhere.

    rate (object): The rate.
    RAISES (ValueError): If it is negative or no number.
    """
    if not is_number(rate) or float(cast(float, rate)) < 0:
        raise ValueError(Errors.N382.format(got=rate))


def check_schedule(optimizer: Optimizer, *, n_steps: int) -> None:
    """Look at the learning rates to come. With warm-up, the first one tells nothing.

    optimizer (Optimizer): One to be thrown away: its schedules are moved on.
    n_steps (int): Steps of the run; the first thousand are looked at.
    RAISES (ValueError): If one of them is negative or no number.
    """
    for _ in range(min(n_steps, N_LOOKED_AT)):
        check_rate(optimizer.learn_rate)
        optimizer.step_schedules()
