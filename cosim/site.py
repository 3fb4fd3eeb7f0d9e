"""Sites: charging points behind one grid connection. A site never spans shards."""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from cosim.scenario import Site as SiteSection


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
