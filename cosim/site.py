"""Sites: charging points behind one grid connection, and which process has which charging point.

As long as nothing is shared behind a connection, the points of a site may lie in several shards. A site that shares
something, such as a limit, must stay whole: `shard_of` is the place to keep it so.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from cosim.scenario import Site as SiteSection

GOLDEN, WHOLE = 0x9E3779B9, 1 << 32  # Knuth, The Art of Computer Programming, volume 3, section 6.4


class Site(NamedTuple):
    """One grid connection and the half-open range of charging points behind it."""

    site_id: int
    name: str
    first_evse_id: int
    end_evse_id: int


def lay_out(sections: tuple[SiteSection, ...], n_evse: int) -> tuple[Site, ...]:
    """Deal `n_evse` charging points to the sites by their shares, in order; each lies behind exactly one site."""
    total = sum(section.share for section in sections)
    ends = [round(n_evse * part / total) for part in accumulate(section.share for section in sections)]
    return tuple(
        Site(site_id, section.name, first, end)
        for site_id, (section, first, end) in enumerate(zip(sections, [0, *ends[:-1]], ends, strict=True))
    )


def site_of(sites: tuple[Site, ...], evse_id: int) -> Site:
    """The site of a charging point."""
    return sites[bisect_right([site.end_evse_id for site in sites], evse_id)]


def shard_of(evse_id: int, shards: int) -> int:
    """Which of so many shards has a charging point, and the vehicle at it.

    Multiples of the golden section spread evenly for any first n points, and in another way than whatever else depends
    on the number of a vehicle: services by halves, phases by thirds.
    """
    return (evse_id * GOLDEN % WHOLE) * shards // WHOLE
