"""The leak tracker."""

import gc
import time

import pytest

from lionherd_dist.local import LeakInfo, LeakTracker, leaks, track_resource, untrack_resource


class Resource:
    pass


def test_tracked_objects_are_listed_while_they_live():
    """With name, kind and time, oldest first."""
    tracker, first, second = LeakTracker(), Resource(), Resource()
    before = time.time()
    tracker.track(first, name="first", kind="file")
    tracker.track(second, name=None, kind=None)
    assert tracker.live()[0] == LeakInfo("first", "file", tracker.live()[0].created_at)
    assert before <= tracker.live()[0].created_at <= time.time()
    assert tracker.live()[1].name == f"obj-{id(second)}"
    del first
    gc.collect()
    assert [info.kind for info in tracker.live()] == [None]


def test_untracked_and_cleared_objects_are_forgotten():
    """Also one that was never tracked."""
    tracker, resource = LeakTracker(), Resource()
    tracker.untrack(resource)
    tracker.track(resource, name="a", kind=None)
    tracker.untrack(resource)
    assert tracker.live() == []
    tracker.track(resource, name="a", kind=None)
    tracker.clear()
    assert tracker.live() == []


def test_object_that_cannot_be_referenced_weakly_is_refused():
    """And not listed as a leak for ever."""
    tracker = LeakTracker()
    with pytest.raises(TypeError, match="weak reference"):
        tracker.track(1, name="one", kind=None)
    assert tracker.live() == []


def test_process_wide_tracker():
    """track_resource and untrack_resource share one."""
    resource = Resource()
    track_resource(resource, name="mine", kind="socket")
    assert "mine" in [info.name for info in leaks._TRACKER.live()]
    untrack_resource(resource)
    assert "mine" not in [info.name for info in leaks._TRACKER.live()]
