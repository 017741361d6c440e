"""Look-ups in sorted events, against counting by hand."""

import numpy as np
import pytest

from crossfold.pipelines.appointments.features import SortedEvents, group_size


@pytest.mark.parametrize("n", [0, 1, 50])
def test_counts_up_to_a_time_are_those_of_counting(n: int) -> None:
    rng = np.random.default_rng(n)
    group, time, tie = rng.integers(0, 4, n), rng.integers(10, 16, n), rng.integers(0, 3, n)
    events = SortedEvents(group, time, tie)
    asked_group, asked_time = (a.ravel() for a in np.mgrid[0:5, 5:20])
    before = events.before(asked_group, asked_time) - events.start(asked_group)
    through = events.through(asked_group, asked_time) - events.start(asked_group)
    for k, (g, t) in enumerate(zip(asked_group, asked_time, strict=True)):
        assert before[k] == ((group == g) & (time < t)).sum()
        assert through[k] == ((group == g) & (time <= t)).sum()
    keys = list(zip(group[events.order], time[events.order], tie[events.order], strict=True))
    assert keys == sorted(keys)


@pytest.mark.parametrize("n", [0, 1, 50])
def test_events_find_their_own_places_without_a_search(n: int) -> None:
    rng = np.random.default_rng(n)
    group, time = rng.integers(0, 4, n), rng.integers(10, 16, n)
    events = SortedEvents(group, time)
    first, behind = events.own()
    assert first.tolist() == events.before(group, time).tolist()
    assert behind.tolist() == events.through(group, time).tolist()


def test_group_size_counts_rows_that_share_the_key() -> None:
    assert group_size(np.array([7, 7, 2, 7])).tolist() == [3, 3, 1, 3]
