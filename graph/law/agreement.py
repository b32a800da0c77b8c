"""How often people agree with an agent, and how sure that is when there are few decisions."""

import math
from typing import Final

Z: Final = 1.959964
"""The 97.5 % point of the normal distribution: both sides together leave out 5 %."""


def lower_bound(agreed: int, decided: int) -> float | None:
    """The lower end of Wilson's 95 % score interval for a share; None of nothing.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22 (1927), 209-212. Three of three are 100 %, but no more than 44 % sure.
    """
    if not 0 <= agreed <= decided:
        raise ValueError(f"{agreed} of {decided} is no share")
    if not decided:
        return None
    share, room = agreed / decided, Z * Z / decided
    spread = Z * math.sqrt(share * (1 - share) / decided + room / (4 * decided))
    return max(0.0, (share + room / 2 - spread) / (1 + room))
