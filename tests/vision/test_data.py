import threading

import numpy as np
import pytest
import torch

from vision.data import LabelledBatch, PrefetchedSource, to_tensors


def assert_same_batch(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_prefetching_keeps_the_order(make_road):
    alone = make_road(batch_size=2)
    with PrefetchedSource(make_road(batch_size=2)) as ahead:
        for _ in range(5):
            assert_same_batch(ahead.next_batch(), alone.next_batch())


def test_the_state_is_that_of_the_last_batch_handed_out(make_road):
    with PrefetchedSource(make_road(batch_size=2)) as ahead:
        assert ahead.state_dict() == {"number": 0}
        ahead.next_batch()
        ahead.next_batch()
        assert ahead.state_dict() == {"number": 2}


def test_a_restored_source_continues_exactly(make_road):
    with PrefetchedSource(make_road(batch_size=2)) as ahead:
        ahead.next_batch()
        state = ahead.state_dict()
        expected = [ahead.next_batch() for _ in range(3)]
        ahead.load_state_dict(state)
        for batch in expected:
            assert_same_batch(ahead.next_batch(), batch)


def test_closing_leaves_the_source_where_its_reader_was(make_road):
    road = make_road(batch_size=2)
    with PrefetchedSource(road) as ahead:
        ahead.next_batch()
    assert road.state_dict() == {"number": 1}


def test_the_batch_ahead_is_computed_in_another_thread(make_road):
    computed = threading.Event()

    class Watched(make_road):
        def next_batch(self):
            batch = super().next_batch()
            if self.state_dict()["number"] == 2:
                computed.set()
            return batch

    with PrefetchedSource(Watched(batch_size=2)) as ahead:
        ahead.next_batch()
        assert computed.wait(timeout=30)


def test_a_failure_reaches_the_reader(make_road):
    class Broken(make_road):
        def next_batch(self):
            if self.state_dict()["number"] == 1:
                raise OSError("the road is gone")
            return super().next_batch()

    with PrefetchedSource(Broken(batch_size=2)) as ahead:
        ahead.next_batch()
        with pytest.raises(OSError, match="the road is gone"):
            ahead.next_batch()


def test_tensors_share_the_arrays_on_a_cpu(road):
    batch = LabelledBatch(*road.next_batch())
    tensors = to_tensors(batch, torch.device("cpu"))
    assert tensors.frames.dtype == torch.uint8
    assert tensors.frames.data_ptr() == batch.frames.ctypes.data


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_arrive_on_cuda(road):
    batch = LabelledBatch(*road.next_batch())
    tensors = to_tensors(batch, torch.device("cuda"))
    assert tensors.frames.is_cuda
    np.testing.assert_array_equal(tensors.frames.cpu().numpy(), batch.frames)
