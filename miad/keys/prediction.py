"""Places within intervals, by how far the host is what its neighbours make expected.

What is expected is the mean of four neighbours, corrected by a linear prediction whose weights are fitted to the image
and stored; how far the host may be from it is stored too, for each pass and each kind of neighbourhood.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.keys.ans import Decoder, encode
from miad.keys.logistic import SCALES, UNIT, slots
from miad.keys.remainder import pack, unpack
from miad.keys.scene import Expected, Passes, Scene, as_planes

Integers = NDArray[np.int64]

LARGEST = 256
"""Longest interval that can be coded."""
_PREDICTED, _PREDICTED_WITH_DELTA = b"\x02", b"\x03"
"""Those of `miad.keys.remainder` come before."""
_WEIGHT_BITS = 5
_GROUP = 1 << 14
_KINDS = 4
_ROUGHLY = 4
"""Every which scale is tried before those about the best."""
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
        weights = np.frombuffer(data[:features], np.int8).astype(np.int64)
        scales = np.frombuffer(data[features:], np.uint8).astype(np.int64)
        if (scales >= SCALES).any():
            raise InputError("a remainder in the key is damaged")
        return cls(weights, scales)

    def expected(self, samples: Expected) -> Integers:
        correction: Integers = samples.columns @ self.weights >> _WEIGHT_BITS
        return samples.base + correction


def pack_places(places: Integers, scene: Scene) -> bytes:
    """Encode each place within its interval, in whichever way takes the fewest bytes.

    Args:
        places: of the shape of ``scene.counts``, 0 <= places < counts.
        scene: what the decoder will know.
    """
    plain = pack(places.ravel(), scene.counts.ravel())
    if not 1 < scene.counts.max(initial=0) <= LARGEST:
        return plain
    tag = _PREDICTED if scene.delta is None else _PREDICTED_WITH_DELTA
    return min(plain, tag + _encode(places, scene), key=len)


def unpack_places(data: bytes, scene: Scene) -> Integers:
    """Inverse of `pack_places`.

    Args:
        data: packed.
        scene: what the encoder knew; delta only where `needs_delta`.

    Raises:
        InputError: the data are damaged.
    """
    if data[:1] not in (_PREDICTED, _PREDICTED_WITH_DELTA):
        return unpack(data, scene.counts.ravel()).reshape(scene.counts.shape)
    if (scene.counts > LARGEST).any():
        raise InputError("a remainder in the key is damaged")
    return _decode(data[1:], scene)


def needs_delta(data: bytes) -> bool:
    """Whether what is expected depends on the delta that the image got before it was marked."""
    return data[:1] == _PREDICTED_WITH_DELTA


def _encode(places: Integers, scene: Scene) -> bytes:
    passes, models, symbols = _passes(scene), [], []
    planes, unknown = as_planes(places), as_planes(scene.counts) > 1
    for part in passes:
        samples, here = passes.expect(part), planes[part][unknown[part]]
        model = _fit(samples, here)
        models.append(model.to_bytes())
        starts, numbers = _symbols(samples, model.expected(samples), model.scales, here)
        symbols += [(starts[group], numbers[group]) for group in _groups(len(here))]
        passes.settle(part, here)
    return b"".join(models) + encode(symbols)


def _decode(data: bytes, scene: Scene) -> Integers:
    passes, places = _passes(scene), np.zeros_like(scene.counts)
    planes, unknown = as_planes(places), as_planes(scene.counts) > 1
    size = passes.features + _KINDS
    models, rest = data[: size * passes.count], data[size * passes.count :]
    decoder = Decoder(rest, int(unknown.sum()))
    for number, part in enumerate(passes):
        model = _Model.from_bytes(models[number * size :][:size], passes.features)
        here = _take(decoder, passes.expect(part), model)
        planes[part][unknown[part]] = here
        passes.settle(part, here)
    decoder.finish()
    return places


def _take(decoder: Decoder, samples: Expected, model: _Model) -> Integers:
    about = samples.low, samples.counts, model.expected(samples), model.scales[samples.activity]
    taken = [decoder.take(_table(*(values[group] for values in about))) for group in _groups(len(samples.low))]
    return np.concatenate([np.zeros(0, dtype=np.int64), *taken])


def _groups(count: int) -> list[slice]:
    """Of the samples of a pass, so that tables stay small."""
    return [slice(first, first + _GROUP) for first in range(0, count, _GROUP)]


def _passes(scene: Scene) -> Passes:
    return Passes(scene, fine=int((scene.counts > 1).sum()) >= _FINE_FROM)


def _symbols(samples: Expected, expected: Integers, scales: Integers, places: Integers) -> tuple[Integers, Integers]:
    """First slots and numbers of slots."""
    both = np.stack((places, places + 1))
    starts, ends = slots(samples.low, samples.counts, expected, scales[samples.activity], both)
    return starts, ends - starts


def _table(low: Integers, counts: Integers, expected: Integers, scales: Integers) -> Integers:
    """First slots of all places, ``(n, largest count + 1)``."""
    places = np.minimum(np.arange(int(counts.max()) + 1), counts[:, None])
    return slots(low[:, None], counts[:, None], expected[:, None], scales[:, None], places)


def _fit(samples: Expected, places: Integers) -> _Model:
    """The best numbers, for the encoder alone: others would do, and only cost bytes."""
    residual = (samples.low + places) * UNIT - samples.base
    weights = np.linalg.lstsq(samples.columns.astype(float), residual.astype(float), rcond=None)[0]
    steps = (weights * (1 << _WEIGHT_BITS)).round().clip(-128, 127).astype(np.int64)
    expected = _Model(steps, np.zeros(_KINDS, np.int64)).expected(samples)
    rough = _best(samples, expected, places, np.arange(0, SCALES, _ROUGHLY)[:, None].repeat(_KINDS, axis=1))
    near = (rough + np.arange(1 - _ROUGHLY, _ROUGHLY)[:, None]).clip(0, SCALES - 1)
    return _Model(steps, _best(samples, expected, places, near))


def _best(samples: Expected, expected: Integers, places: Integers, scales: Integers) -> Integers:
    """The scales, one for each kind of neighbourhood, that take the fewest bits; of ``(choices, kinds)``."""
    about = samples.low, samples.counts, expected, scales[:, samples.activity]
    numbers = slots(*about, places + 1) - slots(*about, places)
    bits = [np.bincount(samples.activity, row, minlength=_KINDS) for row in -np.log2(numbers)]
    best: Integers = np.take_along_axis(scales, np.argmin(bits, axis=0)[None], axis=0)[0]
    return best
