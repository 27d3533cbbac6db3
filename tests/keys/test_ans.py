import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.errors import InputError
from miad.keys.ans import TOTAL_BITS, Decoder, encode


def a_table(generator, count, alternatives):
    """First slots of symbols of any frequencies, rows of several lengths."""
    table = np.full((count, alternatives + 1), 1 << TOTAL_BITS)
    for row in table:
        length = generator.integers(1, alternatives + 1)
        row[0] = 0
        row[1:length] = np.sort(generator.choice(np.arange(1, 1 << TOTAL_BITS), length - 1, replace=False))
    return table


def draw(generator, table):
    slots = generator.integers(0, 1 << TOTAL_BITS, len(table))
    return (table[:, 1:] <= slots[:, None]).sum(axis=1)


def coded(table, symbols):
    rows = np.arange(len(table))
    return table[rows, symbols], table[rows, symbols + 1] - table[rows, symbols]


def bits(table, symbols):
    return (TOTAL_BITS - np.log2(coded(table, symbols)[1])).sum()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=4), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_decoding_inverts_encoding(counts, alternatives, seed):
    generator = np.random.default_rng(seed)
    tables = [a_table(generator, count, alternatives) for count in counts]
    symbols = [draw(generator, table) for table in tables]
    decoder = Decoder(encode([coded(*pair) for pair in zip(tables, symbols, strict=True)]), sum(counts))
    for table, expected in zip(tables, symbols, strict=True):
        assert np.array_equal(decoder.take(table), expected)
    decoder.finish()


def test_symbols_cost_their_entropy():
    generator = np.random.default_rng(0)
    table = a_table(generator, 20_000, 6)
    symbols = draw(generator, table)
    entropy = bits(table, symbols) / 8
    assert entropy <= len(encode([coded(table, symbols)])) <= 1.05 * entropy


def read(data, table):
    decoder = Decoder(data, len(table))
    decoder.take(table)
    decoder.finish()


@pytest.mark.parametrize("damage", [lambda d: d[:-2], lambda d: d[:-1], lambda d: d + b"\0\0", lambda d: d[:3]])
def test_cut_or_longer_data_are_refused(damage):
    generator = np.random.default_rng(0)
    table = a_table(generator, 500, 6)
    data = encode([coded(table, draw(generator, table))])
    read(data, table)
    with pytest.raises(InputError, match="damaged"):
        read(damage(data), table)


def test_any_flipped_bit_is_noticed_or_decodes_to_other_symbols():
    generator = np.random.default_rng(0)
    table = a_table(generator, 100, 6)
    symbols = draw(generator, table)
    data = encode([coded(table, symbols)])
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        decoder = Decoder(bytes(changed), len(table))
        try:
            same = np.array_equal(decoder.take(table), symbols)
            decoder.finish()
        except InputError:
            continue
        assert not same
