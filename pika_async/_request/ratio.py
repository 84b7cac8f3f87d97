"""An aspect ratio as people write it."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

# Beyond these, a pair of whole numbers tells less than the quotient: 37:20 for 1.85.
_LARGEST_SIDE: Final = 21
# A quotient is rounded to 16 digits; a file of prompts may keep fewer.
_ROUNDED: Final = Fraction(1, 10**6)
# As screens are named, which is not in lowest terms.
_NAMED: Final = {Fraction(7, 3): "21:9", Fraction(3, 7): "9:21"}


def ratio_as_text(value: float) -> str:
    """``16:9`` for 1.7777777777777777; the number where no small whole numbers make it."""
    try:
        ratio = Fraction(value).limit_denominator(_LARGEST_SIDE)
    except (ValueError, OverflowError):
        return str(value)
    is_it = abs(ratio - Fraction(value)) <= _ROUNDED
    if ratio <= 0 or ratio.numerator > _LARGEST_SIDE or not is_it:
        return f"{value:.10g}"
    return _NAMED.get(ratio, f"{ratio.numerator}:{ratio.denominator}")
