"""Answers from a labelled corpus: who accused whom, how often, where and when.

Counts are not of the likeliest labels alone.  The classifier errs, and where a stance is rare it errs toward it; so each
statement counts for every stance with its calibrated probability (probabilistic classify and count: Bella et al., ICDM
2010).  An interval is of 95 %: articles are drawn anew (they, not statements, are independent), and each statement's stance
is drawn from its probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.extras import needs
from quoth.records import Stance

By = Literal["stance", "outlet", "month", "speaker", "target"]
STANCES = get_args(Stance)
DRAWS = 1000

_FLAT = """
SELECT article_id, text, speaker, speaker_type AS type, target_name AS target, stance, source AS outlet, {month} AS month,
  {probabilities}
FROM read_parquet('{file}')
"""
_NESTED = """
SELECT id AS article_id, s.text AS text, s.speaker.name AS speaker, s.speaker.type AS type, s.target.name AS target, s.stance AS stance,
  json_extract_string(metadata, '$.source') AS outlet, {month} AS month,
  {probabilities}
FROM (SELECT id, metadata, unnest(statements) AS s FROM read_parquet('{file}'))
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How often one stance is found in one group.

    labelled: statements of which it is the likeliest.  expected: the sum of its probabilities; low, high: its
    interval.  statements: of any stance, in the group.
    """

    group: str
    stance: str
    statements: int
    labelled: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """How often one speaker accuses, say, one target; articles: in how many."""

    speaker: str
    target: str
    labelled: int
    expected: float
    articles: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of `labelled` statements of a stance: those whose speaker, whose target, and of which both have a name."""

    labelled: int
    speaker: int
    target: int
    both: int


class Corpus:
    """The statements that `quoth batch` found, to be counted."""

    def __init__(self, place: Path) -> None:
        """place: a folder of Parquet parts, or the file that `quoth batch statements` wrote.

        Raises InputError for another place, MissingExtraError without DuckDB.
        """
        with needs("Counting", "stats"):
            import duckdb
        if place.is_dir() and any(place.glob("part-*.parquet")):
            file, query, path = str(place / "part-*.parquet"), _NESTED, "s.stance_probabilities.{0} AS p_{0}"
            date = "json_extract_string(metadata, '$.date')"
        elif place.suffix == ".parquet" and place.is_file():
            file, query, path, date = str(place), _FLAT, "p_{0}", '"date"'
        else:
            raise InputError(f"{place}: expected a folder of Parquet parts, or a Parquet file of statements")
        probabilities = ", ".join(path.format(stance) for stance in STANCES)
        month = rf"nullif(regexp_extract({date}, '^\d{{4}}-(?:0[1-9]|1[0-2])\b'), '')"
        self._db = duckdb.connect()
        escaped = file.replace("'", "''")
        try:
            self._db.execute(
                f"CREATE TABLE found AS {query.format(file=escaped, probabilities=probabilities, month=month)}"
            )
        except duckdb.Error as error:
            raise InputError(f"{place}: not statements of quoth: {error}") from error
        # "a senior official" of one article is not that of another.
        name = r"regexp_matches({}, '^(?:[Tt]he )?\p{{Lu}}')"
        self._db.execute(
            f"UPDATE found SET speaker = NULL WHERE type = 'unnamed' OR NOT {name.format('speaker')}"
        )
        self._db.execute(f"UPDATE found SET target = NULL WHERE NOT {name.format('target')}")

    def rename(self, names: dict[str, str]) -> None:
        """names: a name -> the name that it is counted under."""
        self._db.execute("CREATE OR REPLACE TABLE names (variant VARCHAR, name VARCHAR)")
        if names:
            self._db.executemany("INSERT INTO names VALUES (?, ?)", list(names.items()))
        for column in ("speaker", "target"):
            self._db.execute(
                f"UPDATE found SET {column} = names.name FROM names WHERE {column} = names.variant"
            )

    def keep_first(self, stories: dict[str, str]) -> None:
        """Leave out later tellings.  stories: an article's id -> that of the first article that tells its story."""
        later = [(article,) for article, story in stories.items() if article != story]
        self._db.execute("CREATE OR REPLACE TABLE later (article_id VARCHAR)")
        if later:
            self._db.executemany("INSERT INTO later VALUES (?)", later)
        self._db.execute("DELETE FROM found WHERE article_id IN (SELECT article_id FROM later)")

    def totals(self) -> tuple[int, int]:
        """Articles with statements, statements."""
        row = self._db.execute("SELECT count(DISTINCT article_id), count(*) FROM found").fetchone()
        assert row
        return row[0], row[1]

    def counts(self, by: By, most: int = 20, seed: int = 0) -> list[Count]:
        """Every stance in each of the `most` largest groups; months in order, the others by size."""
        column = "'all'" if by == "stance" else by
        order = "1" if by == "month" else "count(*) DESC, 1"
        groups = self._db.execute(
            f"SELECT {column}, count(*) FROM found WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY {order}"
        ).fetchall()
        rng = np.random.default_rng(seed)
        kept = groups if by == "month" else groups[:most]
        return [count for group, n in kept for count in self._group(by, group, n, rng)]

    def _group(self, by: By, group: str, n: int, rng: np.random.Generator) -> Iterator[Count]:
        where = "" if by == "stance" else f"WHERE {by} = $group"
        columns = ", ".join(f"p_{stance}" for stance in STANCES)
        table = self._db.execute(
            f"SELECT article_id, stance, {columns} FROM found {where}", {"group": group} if where else None
        ).fetchnumpy()
        probabilities = np.stack([table[f"p_{stance}"] for stance in STANCES], axis=1)
        _, articles = np.unique(table["article_id"].astype(str), return_inverse=True)
        low, high = _intervals(probabilities, articles, rng)
        for k, stance in enumerate(STANCES):
            labelled = int((table["stance"] == stance).sum())
            expected = float(probabilities[:, k].sum())
            yield Count(group, stance, n, labelled, round(expected, 1), round(low[k], 1), round(high[k], 1))

    def pairs(self, stance: str, most: int = 20) -> list[Pair]:
        """Who does so toward whom, by names, most often first."""
        rows = self._db.execute(
            f"""SELECT speaker, target, count(*), sum(p_{stance}), count(DISTINCT article_id) FROM found
            WHERE stance = ? AND speaker IS NOT NULL AND target IS NOT NULL
            GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC, 1, 2 LIMIT ?""",
            [stance, most],
        ).fetchall()
        return [Pair(speaker, target, n, round(p, 1), articles) for speaker, target, n, p, articles in rows]

    def coverage(self, stance: str) -> Coverage:
        """How many of the statements of a stance `pairs` can tell of."""
        row = self._db.execute(
            """SELECT count(*), count(speaker), count(target), count(CASE WHEN target IS NOT NULL THEN speaker END)
            FROM found WHERE stance = ?""",
            [stance],
        ).fetchone()
        assert row
        return Coverage(*row)

    def names(self) -> list[tuple[str, int]]:
        """Every name of a speaker or target, and how often it is one."""
        return self._db.execute(
            """SELECT name, count(*) FROM (SELECT speaker AS name FROM found UNION ALL SELECT target FROM found)
            WHERE name IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"""
        ).fetchall()

    def texts(self) -> Iterator[tuple[str, list[str]]]:
        """Each article's id and the texts of its statements, in the order of the input."""
        rows = self._db.execute("SELECT article_id, list(text) FROM found GROUP BY 1 ORDER BY min(rowid)")
        while some := rows.fetchmany(1000):
            yield from some


def _intervals(
    probabilities: NDArray[np.float64], articles: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 5) and (n,) -> 2.5 % and 97.5 % of the counts (5,) over DRAWS.

    The draws of labels have the mean p and the variance p (1 - p), summed over an article; a normal stands for them.
    """
    n = int(articles.max(initial=-1)) + 1
    means, variances = np.zeros((n, len(STANCES))), np.zeros((n, len(STANCES)))
    np.add.at(means, articles, probabilities)
    np.add.at(variances, articles, probabilities * (1 - probabilities))
    counts = np.empty((DRAWS, len(STANCES)))
    for k in range(DRAWS):
        weights = np.bincount(rng.integers(n, size=n), minlength=n) if n else np.zeros(0)
        counts[k] = weights @ means + rng.standard_normal(len(STANCES)) * np.sqrt(weights @ variances)
    low, high = np.percentile(np.maximum(counts, 0), [2.5, 97.5], axis=0)
    return low, high
