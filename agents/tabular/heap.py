"""A binary heap of pairs by priority, in arrays, in which a pair is found and moved."""

from typing import no_type_check

from agents.tabular.compiling import kernel


@kernel
@no_type_check
def push(heap, pair, priority):
    """Put a pair in, or move it to its new priority."""
    place = heap.place[pair]
    if place < 0:
        place = heap.size[0]
        heap.size[0] += 1
        put(heap, place, pair)
    heap.priority[pair] = priority
    sink(heap, rise(heap, place))


@kernel
@no_type_check
def pop_highest(heap):
    """Take the pair of the highest priority out."""
    highest = heap.pair[0]
    heap.place[highest] = -1
    heap.size[0] -= 1
    if heap.size[0] > 0:
        put(heap, 0, heap.pair[heap.size[0]])
        sink(heap, 0)
    return highest


@kernel
@no_type_check
def put(heap, place, pair):
    """Write a pair to a place."""
    heap.pair[place], heap.place[pair] = pair, place


@kernel
@no_type_check
def rise(heap, place):
    """Swap the pair at a place with those above it that have less priority; where it comes to lie."""
    pair = heap.pair[place]
    while place > 0 and heap.priority[heap.pair[(place - 1) // 2]] < heap.priority[pair]:
        put(heap, place, heap.pair[(place - 1) // 2])
        place = (place - 1) // 2
    put(heap, place, pair)
    return place


@kernel
@no_type_check
def sink(heap, place):
    """Swap the pair at a place with those below it that have more priority."""
    pair = heap.pair[place]
    while 2 * place + 1 < heap.size[0]:
        below = 2 * place + 1
        if below + 1 < heap.size[0]:
            below += heap.priority[heap.pair[below + 1]] > heap.priority[heap.pair[below]]
        if heap.priority[heap.pair[below]] <= heap.priority[pair]:
            break
        put(heap, place, heap.pair[below])
        place = below
    put(heap, place, pair)
