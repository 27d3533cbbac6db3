"""Works take turns, and ratios are of turns."""

import time

from miad.commands.bench.timing import Rates, Work, seconds, take_turns


def test_works_take_turns_after_each_was_done_once():
    done = []
    take_turns({name: Work(1, lambda name=name: done.append(name)) for name in "ab"}, 2)
    assert done == ["a", "b", "a", "b", "a", "b"]


def test_what_is_warm_is_not_done_once_more():
    done = []
    take_turns({name: Work(1, lambda name=name: done.append(name)) for name in "ab"}, 1, warm=("b",))
    assert done == ["a", "a", "b"]


def test_rates_are_things_a_second():
    rates = take_turns({"nap": Work(7, lambda: time.sleep(0.05))}, 3)
    assert 7 / 0.05 > rates.rate("nap") > 0


def test_a_ratio_is_the_median_of_the_turns_own():
    rates = Rates([{"a": 1, "b": 1}, {"a": 10, "b": 2}, {"a": 12, "b": 6}])
    assert rates.names == {"a", "b"}
    assert rates.rate("a") == 10
    assert rates.rate("b") == 2
    assert rates.ratio("a", "b") == 2  # of 1, 5 and 2; the medians' own is 5


def test_seconds_of_work():
    assert seconds(lambda: time.sleep(0.03)) >= 0.03
