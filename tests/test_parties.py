from __future__ import annotations

import pytest

from quoth.model.entities import entities


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("The water company Fuentes del Norte paid.", "Fuentes del Norte", "organization"),
        ("Porto Lume Herald paid.", "Porto Lume Herald", "organization"),
        ("The water company, Fuentes del Norte, paid.", "Fuentes del Norte", "organization"),
        ("The head of the charity, Lena Venn, paid.", "Lena Venn", "person"),
        ("A retired mail carrier, Lena Venn, paid.", "Lena Venn", "person"),
        ("Lena del Norte, a company lawyer, paid.", "Lena del Norte", "person"),
        ("Sea Venn, a charity based in Oslo, paid.", "Sea Venn", "organization"),
        ("Ada Venn, the charity’s founder, paid.", "Ada Venn", "person"),
        ("Koro Venn, which runs the port, paid.", "Koro Venn", "organization"),
        ("On Monday the Harbourly said no.", "Harbourly", "organization"),
        ("On Monday the Ode campaign said no to Mr. Ode.", "Ode", "person"),
        ("Venn said he paid. Then Venn left.", "Venn", "person"),
        ("Venn said it paid. Then Venn left.", "Venn", "organization"),
        ("Then Koro Venn met Democrats in Ohio.", "Democrats", "group"),
        ("He told Mr. Brunts that BuzzHarbour paid.", "Brunts", "person"),
        ("He told Mr. Brunts that BuzzHarbour paid.", "BuzzHarbour", "organization"),
        ("He told McVenn so.", "McVenn", "person"),
        ("Then Venn.com said no.", "Venn.com", "organization"),
        ("Then Brunts, 54, said no.", "Brunts", "person"),
        ("He met Chief Pilots. The pilots left.", "Pilots", "group"),
    ],
)
def test_the_words_around_a_name_tell_what_it_is(text: str, name: str, kind: str) -> None:
    assert {e.name: e.type for e in entities(text)}[name] == kind
