from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.clutter import is_clutter

OFFERS = """Read more: The mill that closed
READ MORE
See also: Our guide to the harbour
Watch live: The mill burns
Related stories
More from The Quill
Most read
Up next
You may also like
Don’t miss
Sign up for our newsletter
Subscribe today
Click here to comment
Get our daily newsletter
Get the Quill stories that matter to your street and your harbour delivered to your inbox.
By signing up, you accept our terms
Advertisement
Story continues below
Already a subscriber? Log in
Free trial
Please enable JavaScript""".splitlines()
CAPTIONS = """Photo: Ilse Brandt
Photo by Ilse Brandt
Image caption The mill in March
Video: the mill burns
File photo: the mill
Workers at the mill in Oslo. (AP Photo/Karl Ode)
The mill on Monday (Reuters)
A crane. Karl Ode/AFP via Getty Images
Brandt says no, a sign reads. Photograph: Karl Ode/EPA
A crane. Reuters/Dorn Reuters/Dorn
A crane in March. (Reuters photo: Karl Ode)
By Ilse Brandt
By Ilse Brandt and Karl Ode
By ILSE BRANDT, The Quill
By Ludwig van der Berg
By Ilse Brandt and Karl Ode, The Quill
By Élodie O’Hara-Brun | 3 May
© 2020 The Quill
All rights reserved.
Published: 3 May
Updated 3 May 2020
Updated on Monday, May 3 at noon
Full access to all our stories""".splitlines()
NEWS = """Mayor Ilse Brandt said the mill had poisoned the stream for years.
“Read more books,” she said.
“Sign up for the clean-up,” Brandt told the crowd.
Brandt asked them to see the mill for themselves.
See the mill, she said.
By Tuesday, 40 people were missing.
Reuters and AFP first reported the fire.
“We stay,” Brandt told AFP on Monday.
Media reports say the mill is closed.
Registered nurses went on strike.
Subscribers left in droves.
SMITH: We will go.
שלום, said Yael.
“We will not leave,” Brandt told Reuters.
The mill was sold, according to AFP.
The board did not answer the AFP
A Reuters/Dorn poll found that most people want the mill to stay.
Brandt sued the U.S. EPA.
The mill is “a ruin” (Reuters)
Full access to the records was denied, Brandt said.
Published on Monday, the report accuses the board of lying.
Posted on 3 May, the video shows the mayor at the mill.
Recommended by the board, the plan failed, Ode said.
Related to Brandt by marriage, Ode would not speak.
By Christmas Eve, 1,400 people were missing.
By early morning, the mill was gone, Ode said.
by the time he left
By mid-week most people left""".splitlines()


@pytest.mark.parametrize("line", OFFERS + CAPTIONS)
def test_the_page_around_an_article_is_clutter(line: str) -> None:
    assert is_clutter(line)
    assert is_clutter(f"\u00a0• {line}")


@pytest.mark.parametrize("line", NEWS)
def test_a_line_of_news_is_none(line: str) -> None:
    assert not is_clutter(line)


@pytest.mark.parametrize("line", ["", " \u00a0", "•", "—", "\u200f", "🙂"])
def test_a_line_without_words_is_none(line: str) -> None:
    assert not is_clutter(line)


def test_a_long_paragraph_may_end_with_a_credit() -> None:
    assert not is_clutter("The mill burned again. " * 20 + "(Reuters)")


@settings(deadline=None, max_examples=200)
@given(st.text(), st.sampled_from(["", "Photo", "By", "Read more", "Reuters", "See\u0301"]))
def test_any_line_has_an_answer_that_white_space_around_it_does_not_change(text: str, start: str) -> None:
    line = f"{start} {text}"
    assert is_clutter(line) is is_clutter(f" \t\u00a0{line} ")
