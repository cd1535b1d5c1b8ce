"""A pool of values that are lent to one at a time."""

from tfae._support.pool import Pool


def test_a_pool_lends_each_value_to_one_and_is_bounded():
    made = []
    pool = Pool(lambda key: made.append(key) or [key], capacity=2)
    with pool.lease("a") as first, pool.lease("a") as second:
        assert first is not second
    with pool.lease("a") as again:
        assert again is first or again is second
    assert made == ["a", "a"]
    for key in "bc":
        with pool.lease(key):
            pass
    with pool.lease("c"), pool.lease("b"):
        pass
    assert made == ["a", "a", "b", "c"]  # the most recent two were kept
    with pool.lease("a"):
        pass
    assert made == ["a", "a", "b", "c", "a"]
