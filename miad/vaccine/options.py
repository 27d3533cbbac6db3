"""Which delta, how large, and against what it is measured."""

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

from miad.errors import OptionError, check_at_least

VaccineName: TypeAlias = Literal["none", "noise", "delta_d", "delta_i"]
"""No delta; random noise; the disruptive delta_D, which spoils what removers make (MIAD-MARK eq. 3); the inert delta_I,
which hides the mark from them (eq. 4)."""

Family: TypeAlias = Literal["free", "block", "near", "universal"]
"""What is free in a delta: every value; a sign a block; every value around the mark; one delta for a whole data set."""

_LARGEST = 127


@dataclass(frozen=True)
class VaccineOptions:
    """How delta is made (MIAD-MARK eq. 1, 3, 4; Liu et al., "Watermark Vaccine", ECCV 2022).

    Args:
        kind: which delta. ``none`` reads nothing else, ``noise`` only ``eps``.
        eps: most that a value may change, in grey levels, 1..127.
        step: change of a value a step, in grey levels.
        steps: gradient steps.
        start: ``uniform`` starts from the same whole levels that ``noise`` draws; ``zeros``, as in the paper, never
            leaves its place where a remover is so sure that nothing is marked that its gradient is exactly 0.
        reference: the image that a removed one is compared with. ``original`` is the papers' and counts delta itself as
            damage: pushing every value to its limit earns eps^2 from a remover that does nothing at all.
            ``protected``, the image with delta, counts only what the remover does.
        gamma: weight of the image beside the mask in delta_I (eq. 4; the papers give no value, their code has 2). Both
            are means, as they differ in their number of values.
        mask_term: what delta_I has for a mask: ``squared`` is eq. 4; ``entropy``, the cross-entropy with an empty mask,
            has a slope where the mask is near 1 too.
        mask_bonus: weight in delta_D of the mean logarithm of the mask. Where the mask is near 0 a remover changes
            nothing and ``reference=protected`` has no slope; the logarithm, there equal to the logit, has one, and it
            stops paying where the mask is near 1.
        family: what is free in delta, and so what a key has to hold of it. ``free``, the papers', is every value.
            ``block`` is a sign, times eps, a channel of each block; steps move latent values, whose signs count.
            ``near`` is every value in a box around the mark. ``universal`` is one delta for all images, learned from
            training images.
        block: side of the blocks, in pixels.
        margin: what the box of ``near`` has around the mark, in pixels.
        examples: most images that ``universal`` is learned from.
        saturation: what becomes of values that delta might take out of 0..255. ``clip``, the papers', cuts delta there;
            a key has to tell what was cut off. ``spare`` gives no delta to values below eps or above 255 - eps.
        host: what removers see: the ``clean`` image with delta, or that ``marked`` at random, anew in each step. Losses
            under different marks do not compare, so that ``marked`` keeps the last step's delta and ``clean`` the best;
            and delta_I then wants the marked image left as it is, as one near the original is the remover's own aim.

    Raises:
        InputError: a budget of nothing, or an option out of its range.
    """

    kind: VaccineName = "delta_d"
    eps: int = 8
    step: float = 2.0
    steps: int = 50
    start: Literal["uniform", "zeros"] = "uniform"
    reference: Literal["original", "protected"] = "protected"
    gamma: float = 2.0
    mask_term: Literal["squared", "entropy"] = "entropy"
    mask_bonus: float = 0.01
    family: Family = "universal"
    block: int = 8
    margin: int = 8
    examples: int = 64
    saturation: Literal["clip", "spare"] = "spare"
    host: Literal["clean", "marked"] = "clean"

    def __post_init__(self) -> None:
        """Refuse what can not be made."""
        if self.kind == "none":
            return
        for name, value in (("eps", self.eps), ("steps", self.steps)):
            if not value >= 1:
                raise OptionError(name, "of at least 1", value, "for no delta take the vaccine 'none'")
        if self.eps > _LARGEST:
            raise OptionError("eps", f"of at most {_LARGEST} grey levels", self.eps)
        if not 0 < self.step < inf:
            raise OptionError("step", "above 0", self.step, "for no delta take the vaccine 'none'")
        check_at_least(0, gamma=self.gamma, mask_bonus=self.mask_bonus, margin=self.margin)
        check_at_least(1, block=self.block, examples=self.examples)

    @property
    def optimised(self) -> bool:
        """Whether removers are asked at all."""
        return self.kind in ("delta_d", "delta_i")


PAPER = VaccineOptions(
    start="zeros", reference="original", mask_term="squared", mask_bonus=0, family="free", saturation="clip"
)
"""To the letter of the papers, delta_D; ``replace(PAPER, kind="delta_i")`` is delta_I."""
