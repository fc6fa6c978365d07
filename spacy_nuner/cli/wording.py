"""How the commands write money and time."""


def say_money(amount: float, currency: str) -> str:
    """Write an amount of money, with more digits where it is small.

    amount (float): The amount.
    currency (str): Such as "USD".
    RETURNS (str): Such as "12.34 USD".
    """
    digits = 2 if abs(amount) >= 1 or amount == 0 else 4
    return f"{amount:,.{digits}f} {currency}"


def say_duration(seconds: float) -> str:
    """Write a time in its two largest units.

    seconds (float): The time.
    RETURNS (str): Such as "2 h 5 min".
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"
