"""What the programs of this folder share: see README.md for what a scenario does and what a program prints.

Each takes BOOTSTRAP PREFIX SCENARIO..., and prints a line of JSON for each scenario.
"""
import json
import os
import sys
import time
import traceback

WAIT_SECONDS = 25


class Place:
    """Where to, and names that no other run has."""

    def __init__(self, bootstrap, prefix):
        self.bootstrap = bootstrap
        self.prefix = prefix

    def topic(self, name):
        return f'{self.prefix}-{name}'


def run_scenarios(scenarios):
    """Runs the scenarios that the command line names, one after the other."""
    place = Place(sys.argv[1], sys.argv[2])
    for name in sys.argv[3:]:
        started = time.monotonic()
        try:
            result = scenarios[name](place)
        except BaseException:
            result = {'error': traceback.format_exc()}
        print(json.dumps({'scenario': name, 'ms': round((time.monotonic() - started) * 1000), **result}), flush=True)
    os._exit(0)  # whatever a scenario that failed has left open


def records(name, count):
    """Records with keys k0 to k9 in turn, and values that begin with the name."""
    return [(b'k%d' % (i % 10), f'{name}-{i}'.encode(), [('origin', name.encode())]) for i in range(count)]


def read(partition, key, value, headers):
    """A record as the consume scenario reports it. Headers: pairs of a name and bytes."""
    return {'partition': partition, 'key': key.decode(), 'value': value.decode(), 'origin': dict(headers)['origin'].decode()}


def deadline(what):
    """A function that fails when it is called too late; `what` tells what is awaited, and how far it is."""
    end = time.monotonic() + WAIT_SECONDS

    def check():
        if time.monotonic() > end:
            raise TimeoutError(f'waited {WAIT_SECONDS} s for {what()}')
    return check


def group_scenario(partitions, join, send):
    """What a group scenario is, whatever the client.

    It is a generator: each yield lets the members go on, so that programs with and without asyncio can run it.
    A member has `assigned` (partition numbers), `values`, and `leave()`, whose result is yielded.
    """
    def until(condition, what):
        check = deadline(what)
        while not condition():
            check()
            yield

    yield send('first', 100)
    one = yield join()
    yield from until(lambda: len(one.assigned) == partitions and len(one.values) >= 100, lambda: f'the first member to read 100 records, it has {len(one.values)} of {one.assigned}')
    alone = sorted(one.assigned)

    two = yield join()
    yield from until(lambda: one.assigned and two.assigned and len(one.assigned) + len(two.assigned) == partitions, lambda: f'two members to share: {one.assigned} {two.assigned}')
    shared = [sorted(one.assigned), sorted(two.assigned)]
    yield send('second', 100)

    def seconds():
        return len({value for value in one.values + two.values if value.startswith('second')})
    yield from until(lambda: seconds() == 100, lambda: f'two members to read 100 more records, they have {seconds()}')

    yield two.leave()
    yield from until(lambda: len(one.assigned) == partitions, lambda: f'the first member to have all again: {one.assigned}')
    after = sorted(one.assigned)
    yield one.leave()

    yield send('third', 10)
    three = yield join()
    yield from until(lambda: len(three.values) >= 10, lambda: f'the third member to read what came later, it has {three.values}')
    yield three.leave()
    return {'alone': alone, 'shared': shared, 'after': after, 'values': one.values + two.values, 'resumed': three.values}


def run_group(scenario):
    """Runs a group scenario whose members have threads of their own."""
    sent = None
    try:
        while True:
            sent = scenario.send(sent)
            if sent is None:
                time.sleep(0.02)
    except StopIteration as end:
        return end.value
