"""What sets one deployment apart from others of its engine and GPU: four factors on its times, two on its power."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from gpusim.serving.coefficients import NAMES, Coefficients
from gpusim.serving.power import PowerDraw


@dataclass(frozen=True)
class Adjustment:
    """Factors on times (``waiting``), on shares of peak rates (the other three), and on power above idle.

    Attributes
    ----------
    waiting : float
        Host, small kernels, starts of exchanges.
    reading : float
        Weights and experts.
    context : float
        Attention in decode.
    computing : float
        Products with weights and experts, attention in prefill.
    power : float
        Work above idle.
    computing_power : float
        Of this, again, that of products.
    """

    waiting: float = 1.0
    reading: float = 1.0
    context: float = 1.0
    computing: float = 1.0
    power: float = 1.0
    computing_power: float = 1.0

    def of_times(self, c: Coefficients) -> Coefficients:
        """Coefficients of the deployment."""
        return Coefficients(
            **{name: value * getattr(self, KIND[name]) if name in KIND else value for name, value in asdict(c).items()}
        )

    def of_power(self, d: PowerDraw) -> PowerDraw:
        """Draws of the deployment."""
        own = PowerDraw(*(getattr(d, field.name) * self.power for field in fields(PowerDraw)))
        return replace(own, computing=own.computing * self.computing_power)


KIND = {
    **{name: "waiting" for name in NAMES if name.endswith("_s")},
    "weight_read": "reading", "expert_read": "reading", "kv_read": "context", "decode_math": "context",
    "weight_math": "computing", "expert_math": "computing", "prefill_math": "computing",
}  # fmt: skip
"""Which factor a coefficient gets; the others are as they are."""
KINDS = ("waiting", "reading", "context", "computing")
