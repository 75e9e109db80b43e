"""At full size, what is promised of SBOMs: how soon they are queryable, in what memory, and that none is lost."""

import pytest

from tests.bench.components import measure, parser


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_large_and_many_sboms_are_soon_in_the_index() -> None:
    figures = await measure(parser().parse_args([]))  # fails by itself where one is lost or doubled
    assert figures["2 MB: seconds until queryable"] < 1
    assert figures["50 MB: seconds until queryable"] < 30
    assert figures["300,000 components: MiB of memory"] < 1024
