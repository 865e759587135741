"""VADER's scores, and the words for them."""

from __future__ import annotations

import time
from importlib.metadata import version

import pytest

from sluice.enrich.sentiment import LONGEST_CHARACTERS, SOURCE, VERSION, score, word

pytestmark = pytest.mark.lane("spark-4.1")  # neither Spark nor Delta is asked

# As senders had scored them; the first four decimals are VADER's.
SEED = {
    "The group stumbled upon the nearby urgent care": 0.6124,
    "This morning the group came upon a naval doctor's office": 0.0,
    "I ate the sweet Oysters": 0.4588,
    "I was converted into a red stove": 0.0,
    "I plans to cease fire against a swing": -0.34,
}


def test_texts_are_scored_as_senders_scored_them() -> None:
    assert dict(zip(SEED, score(list(SEED)), strict=True)) == SEED


def test_the_version_that_is_told_is_the_one_that_scores() -> None:
    assert version("vaderSentiment") == VERSION
    assert f"vader@{VERSION}" == SOURCE


def test_the_word_changes_at_the_thresholds_that_vader_s_authors_name() -> None:
    expected = {-1.0: "negative", -0.05: "negative", -0.0499: "neutral", 0.0499: "neutral", 0.05: "positive"}
    assert {value: word(value) for value in expected} == expected


def test_a_long_text_costs_no_more_than_its_beginning() -> None:
    """VADER alone takes minutes for a text of a megabyte."""
    text = "good, but " * (LONGEST_CHARACTERS // 10)
    score([text])
    started = time.process_time()
    assert score([text * 1000]) == score([text])
    assert time.process_time() - started < 2
