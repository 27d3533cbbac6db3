"""Places within intervals, by how far the host is what its neighbours make expected.

What is expected is the mean of four neighbours, corrected by a linear prediction whose weights are fitted to the image
and stored; how far the host may be from it is stored too, for each pass and each kind of neighbourhood.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.keys.ans import Decoder, encode
from miad.keys.host import Expected, Passes, Scene
from miad.keys.logistic import SCALES, UNIT, slots

Integers = NDArray[np.int64]

LARGEST = 256
"""Longest interval that can be coded."""
_WEIGHT_BITS = 5
_KINDS = 8
_FINE_FROM = 1 << 15
"""Samples for which the numbers of many passes pay."""


class _Model(NamedTuple):
    """The stored numbers of a pass."""

    weights: Integers
    scales: Integers

    def to_bytes(self) -> bytes:
        return self.weights.astype(np.int8).tobytes() + self.scales.astype(np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, features: int) -> "_Model":
        weights, scales = data[:features], data[features:]
        return cls(np.frombuffer(weights, np.int8).astype(np.int64), np.frombuffer(scales, np.uint8).astype(np.int64))

    def expected(self, samples: Expected) -> Integers:
        correction: Integers = samples.columns @ self.weights >> _WEIGHT_BITS
        return samples.base + correction


def pack_predicted(places: Integers, scene: Scene) -> bytes:
    """Encode each place within its interval.

    Args:
        places: of the shape of ``scene.counts``, 0 <= places < counts; no interval longer than `LARGEST`.
        scene: what the decoder will know.
    """
    passes, models, symbols = _passes(scene), [], []
    planes = places[None] if places.ndim == 2 else np.moveaxis(places, 2, 0)
    counts = scene.counts[None] if places.ndim == 2 else np.moveaxis(scene.counts, 2, 0)
    for part in passes:
        samples, here = passes.expect(part), planes[part][counts[part] > 1]
        model = _fit(samples, here)
        models.append(model.to_bytes())
        symbols.append(_symbols(samples, model, here))
        passes.settle(part, here)
    return b"".join(models) + encode(symbols)


def unpack_predicted(data: bytes, scene: Scene) -> Integers:
    """Inverse of `pack_predicted`.

    Raises:
        InputError: the data are damaged.
    """
    if (scene.counts > LARGEST).any():
        raise InputError("a remainder in the key is damaged")
    passes = _passes(scene)
    size = passes.features + _KINDS
    models, rest = data[: size * passes.count], data[size * passes.count :]
    decoder = Decoder(rest, int((scene.counts > 1).sum()))
    places = np.zeros_like(scene.counts)
    planes = places[None] if places.ndim == 2 else np.moveaxis(places, 2, 0)
    counts = scene.counts[None] if places.ndim == 2 else np.moveaxis(scene.counts, 2, 0)
    for number, part in enumerate(passes):
        model = _Model.from_bytes(models[number * size :][:size], passes.features)
        if (model.scales >= SCALES).any():
            raise InputError("a remainder in the key is damaged")
        here = decoder.take(_table(passes.expect(part), model))
        planes[part][counts[part] > 1] = here
        passes.settle(part, here)
    decoder.finish()
    return places


def _passes(scene: Scene) -> Passes:
    return Passes(scene, fine=int((scene.counts > 1).sum()) >= _FINE_FROM)


def _symbols(samples: Expected, model: _Model, places: Integers) -> tuple[Integers, Integers]:
    """First slots and numbers of slots."""
    about = samples.low, samples.counts, model.expected(samples), model.scales[samples.activity]
    starts = slots(*about, places)
    return starts, slots(*about, places + 1) - starts


def _table(samples: Expected, model: _Model) -> Integers:
    """First slots of all places, ``(n, largest count + 1)``."""
    about = samples.low, samples.counts, model.expected(samples), model.scales[samples.activity]
    places = np.arange(int(samples.counts.max(initial=1)) + 1)
    return slots(*(values[:, None] for values in about), np.minimum(places, samples.counts[:, None]))


def _fit(samples: Expected, places: Integers) -> _Model:
    """The best numbers, for the encoder alone: others would do, and only cost bytes."""
    residual = (samples.low + places) * UNIT - samples.base
    weights = np.linalg.lstsq(samples.columns.astype(float), residual.astype(float), rcond=None)[0]
    model = _Model((weights * (1 << _WEIGHT_BITS)).round().clip(-128, 127).astype(np.int64), np.zeros(_KINDS, np.int64))
    costs = np.stack([_costs(samples, _Model(model.weights, np.full(_KINDS, s)), places) for s in range(SCALES)])
    return _Model(model.weights, costs.argmin(axis=0))


def _costs(samples: Expected, model: _Model, places: Integers) -> NDArray[np.float64]:
    """Bits, for each kind of neighbourhood."""
    _, frequencies = _symbols(samples, model, places)
    return np.bincount(samples.activity, -np.log2(frequencies), minlength=_KINDS)
