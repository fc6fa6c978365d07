"""Points of Student's t without scipy; the evaluation and the report both use them."""

from typing import Final

# Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom.
# fmt: off
T_95: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
Z_95: Final = 1.95996


def t_95(df: int) -> float:
    """The two-sided 95 % point of Student's t.

    df (int): degrees of freedom, from 1.
    RETURNS (float): right to 0.001.
    """
    if df <= len(T_95):
        return T_95[df - 1]
    # Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5)
    z = Z_95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / df + second / df**2
