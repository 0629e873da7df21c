"""Labels of a codebook of one's own, which a model may learn beside the stances."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Name = Annotated[str, msgspec.Meta(min_length=1)]


class LabelSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels of which each statement has one; labels: the definition of each, in the order in which they are told.

    Raises ValueError that names the field, which `quoth.config.load` makes a ConfigError.
    """

    name: _Name
    version: _Name
    labels: dict[str, str]

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise ValueError(
                f"labels: found {len(self.labels)}, expected at least two with their definitions"
            )
        alike: dict[str, str] = {}
        for label, definition in self.labels.items():
            if not label or "," in label or label != " ".join(label.split()):
                raise ValueError(
                    f"labels: found the name {label!r}, expected words with a space between them and no comma"
                )
            if not definition.strip():
                raise ValueError(f"labels: found no definition of {label!r}, expected one")
            if other := alike.get(label.casefold()):
                raise ValueError(
                    f"labels: found {label!r} beside {other!r}, expected names that differ in a letter"
                )
            alike[label.casefold()] = label

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.labels)

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({', '.join(self.labels)})"
