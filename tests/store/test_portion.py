"""How many entries are asked for."""

from lionherd_dist.store.portion import MOST_BYTES, Portion


def test_a_reply_is_asked_for_as_if_it_were_like_the_last_one() -> None:
    """Fewer large entries, many small ones, one at least, and nothing learnt from nothing."""
    portion = Portion(200, first=20)
    seen = [portion.entries]
    for entries, size in ((20, 20 * MOST_BYTES // 4), (4, 4), (3, 9 * MOST_BYTES), (0, 0)):
        portion.saw(entries, size)
        seen.append(portion.entries)
    assert seen == [20, 4, 200, 1, 1]
