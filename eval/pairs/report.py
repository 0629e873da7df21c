"""Show the scores of a corpus of human judgements as a Markdown table."""

from __future__ import annotations

from quoth.eval.markdown import table
from quoth.eval.pairs.scores import PairScores, Share


def pairs_table(found: PairScores) -> str:
    """Return a heading and a table, a row for each measure."""
    rows = [
        ("speaker of a quoted span", found.speaker),
        ("target, given the speaker", found.target),
        ("polarity, given speaker and target", found.polarity),
        *((f"polarity of {stance}", share) for stance, share in found.by_stance.items()),
        *((f"polarity, {kind}", share) for kind, share in found.by_kind.items()),
        *((f"polarity, probability {band}", share) for band, share in found.by_band.items()),
        ("blame that is praise in the gold", found.praised),
        ("negative pairs that a statement tells", found.negative_pairs),
    ]
    head = (
        f"# {found.model.name} {found.model.version} on {found.corpus}\n\n"
        f"{found.articles:,} articles of {found.stories:,} stories, {found.pairs:,} human judgements.\n\n"
    )
    return head + table(["", "%", "right", "of"], [(name, *_cells(share)) for name, share in rows]) + "\n"


def _cells(share: Share) -> tuple[str, str, str]:
    figure = share.share
    if figure.value is None:
        return "", "0", "0"
    value, low, high = (100 * (x or 0.0) for x in (figure.value, figure.low, figure.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]", f"{share.right:,}", f"{share.n:,}"
