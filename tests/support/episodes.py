"""Files of logged episodes, as producers write them."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.formats.episodes import NAMES, episode_lines


def drawn(count: int, seed: int = 1) -> Episodes:
    """Episodes of nothing in particular."""
    uniform = np.random.default_rng(seed).uniform
    return Episodes.of(
        uniform(0.8, 1, count), uniform(0, 0.4, count), uniform(0.1, 0.9, count), uniform(0.1, 0.9, count)
    )


def columns(episodes: Episodes) -> dict[str, list[float]]:
    """By the names of the document."""
    listed = (episodes.eval, episodes.cost, episodes.behaviour, episodes.target)
    return {name: column.tolist() for name, column in zip(NAMES, listed, strict=True)}


def json_lines(episodes: Episodes) -> bytes:
    """A line each."""
    return b"".join(episode_lines(episodes))


def parquet(episodes: Episodes, rows_of_a_group: int = 30_000) -> bytes:
    """With several row groups."""
    return parquet_of(columns(episodes), rows_of_a_group)


def parquet_of(named: Mapping[str, Sequence[object] | pa.Array], rows_of_a_group: int = 30_000) -> bytes:
    """Any columns."""
    written = io.BytesIO()
    pq.write_table(pa.table(dict(named)), written, row_group_size=rows_of_a_group)
    return written.getvalue()
