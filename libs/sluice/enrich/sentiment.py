"""How positive a text is worded, by the lexicon and rules of VADER.

Source: Hutto and Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM
2014; its authors' own package, whose README gives the thresholds of `word`. English alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

# Of the package that runtimes.toml pins, since the same text must give the same number; what was filled carries it.
VERSION = "3.3.2"
SOURCE = f"vader@{VERSION}"

# VADER's time grows with the square of a text's length, to 20 ms for so many characters and without end: it is made for
# short texts, and a sender must not be able to stop a batch with a long one.
LONGEST_CHARACTERS = 2_000
_THRESHOLD = 0.05


def score(texts: Sequence[str]) -> list[float]:
    """VADER's compound score of each text, from -1 (negative) to 1 (positive), rounded to four digits as VADER does.

    Of a text of more than LONGEST_CHARACTERS its beginning is scored.
    """
    polarity = _analyzer()
    return [float(polarity(text[:LONGEST_CHARACTERS])["compound"]) for text in texts]


def word(compound: float) -> Literal["negative", "neutral", "positive"]:
    """0.05 and above is positive, -0.05 and below negative: the thresholds that VADER's authors name."""
    if compound >= _THRESHOLD:
        return "positive"
    return "negative" if compound <= -_THRESHOLD else "neutral"


@cache
def _analyzer() -> Callable[[str], dict[str, Any]]:
    """The lexicon takes some 60 ms to load, so once a process, and in those alone that score something."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    polarity: Callable[[str], dict[str, Any]] = SentimentIntensityAnalyzer().polarity_scores
    return polarity
