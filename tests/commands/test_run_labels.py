"""By what W&B finds a run: its command, its group, its tags."""

import pytest

from miad.commands.run import Run
from miad.data import Phantom
from miad.errors import InputError


def labels(*tags, **options):
    run = Run("a", **options)
    run.describe("attack", Phantom("brain", 32, train=0, val=0, test=1), *tags)
    return run.labels


def test_runs_are_grouped_by_data_set_unless_a_group_is_given():
    assert (labels().group, labels(group="ablation").group) == ("Phantom", "ablation")
    assert labels(group="ablation").job_type == "attack"


def test_tags_are_the_data_set_the_command_s_and_the_user_s_each_once():
    assert labels("he", "", "one", tags="mine, he,,yours").tags == ("Phantom", "he", "one", "mine", "yours")


def test_the_command_s_tags_are_as_long_as_w_and_b_takes_them():
    assert labels("n" * 100).tags == ("Phantom", "n" * 64)


def test_a_longer_tag_of_the_user_s_is_refused():
    assert Run("a", tags="x" * 64).tags
    with pytest.raises(InputError, match="expected tags of at most 64 characters, found 'xxx"):
        Run("a", tags="mine," + "x" * 65)
