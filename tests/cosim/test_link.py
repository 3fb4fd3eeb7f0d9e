"""Delays of the line: bounded, independent per vehicle and message, and late rather than lost."""

import numpy as np
import pytest

from cosim.link import Lines, delay_ns, losses
from cosim.scenario import Link
from models.draws import stream_key, uniform


def test_delays_fill_their_range_evenly_and_repeat_for_the_same_seed() -> None:
    lines = Lines(Link(delay_s=0.005, jitter_s=0.015), 7, 0.002).line(3, long=True)
    way = np.array([lines.response_ns(number) for number in range(4000)]) * 1e-9
    assert way.min() >= 0.005
    assert way.max() < 0.020
    assert abs(way.mean() - 0.0125) < 0.0003
    again = Lines(Link(delay_s=0.005, jitter_s=0.015), 7, 0.002)
    fifth = [
        Lines(Link(delay_s=0.005, jitter_s=0.015), 7, 0.002).line(ev_id, True, 4).request_ns(5) for ev_id in (3, 4)
    ]
    assert again.line(3, long=False).request_ns(5) == fifth[0] != fifth[1]


def test_processing_is_added_to_requests_only() -> None:
    with_it, without = (Lines(Link(), 1, processing_s).line(0, long=False) for processing_s in (0.004, 0.0))
    assert with_it.request_ns(1) - without.request_ns(1) == 4_000_000
    assert with_it.response_ns(1) == without.response_ns(1)


def test_lost_segments_come_late_by_whole_retransmissions() -> None:
    lines = Lines(Link(delay_s=0.01, jitter_s=0.0, loss=0.1, retransmission_s=0.2), 1, 0.0).line(0, long=True)
    late = [(lines.response_ns(number) - 10_000_000) / 200_000_000 for number in range(5000)]
    assert set(late) <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}
    assert abs(sum(count >= 1 for count in late) / 5000 - 0.1) < 0.015


def test_losses_in_a_row_follow_the_geometric_law() -> None:
    assert [losses(0.5, draw) for draw in (0.9, 0.4, 0.2, 0.1)] == [0, 1, 2, 3]
    assert losses(0.0, 0.0) == 0


@pytest.mark.parametrize("long", [True, False])
def test_what_a_pair_draws_ahead_is_what_it_would_draw_one_by_one(long: bool) -> None:
    lines = Lines(Link(delay_s=0.005, jitter_s=0.015, loss=0.1, retransmission_s=0.2), 7, 0.002)
    lines.foresee([1, 3, 9])
    line = lines.line(3, long)

    def way_ns(stream: str, number: int, segment: int) -> int:
        lost = losses(0.1, uniform(stream_key(7, "link.loss"), 3, segment))
        return delay_ns(5_000_000, 15_000_000, uniform(stream_key(7, stream), 3, number)) + 200_000_000 * lost

    # One after the other where there are many; else also back from the fleet lane, and once more over old ground.
    for number in range(1, 400) if long else [*range(1, 150), 5_000, 5_001, 7, 8]:
        assert line.request_ns(number) == way_ns("link.request", number, 2 * number) + 2_000_000
        assert line.response_ns(number) == way_ns("link.response", number, 2 * number + 1)
        if number == 90:
            line.rest()
