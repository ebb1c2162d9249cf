"""Every fault that `dag test` must find, and the errors and the loads that tests of the runtime ask for, each as an operator."""

import random
import struct
import time
from random import random as unseeded  # Taken out before the SDK puts the host's generator in its place.

from dag_guest import About, Field, Fold, Opening, Transform, component, parameter


def about(name, doc):
    return About(f"{name}_python", doc, f"{name}_python(x)")


class Plain(Transform):
    """A transform of one column `value`."""

    def open(self, arguments, inputs):
        return Opening([Field("value", "float64")], "time", "unbounded")

    def process(self, inputs, out):
        batch = inputs.first
        for row, value in batch.column(0).numbers():
            out.push(batch.times[row], self.next(value, row))


class Batches(Plain):
    about = about("batches", "Fault: the output depends on where batches end.")

    def next(self, value, row):
        return value + row


class Forgotten(Plain):
    about = about("forgotten", "Fault: what it remembers is not in its snapshot.")
    sum = 0.0

    def next(self, value, row):
        self.sum += value
        return self.sum


class Unordered(Plain):
    about = about("unordered", "Fault: the order of a map that a snapshot does not keep reaches the output.")

    def __init__(self):
        self.seen = {}

    def next(self, value, row):
        self.seen.pop(value, None)
        self.seen[value] = True
        return next(iter(self.seen))

    def snapshot(self):
        return [struct.pack(f"<{len(self.seen)}d", *sorted(self.seen))]

    def restore(self, version, chunks):
        self.seen = {value: True for (value,) in struct.iter_unpack("<d", chunks[0])}


class Backwards(Plain):
    about = about("backwards", "Fault: its hold goes back.")
    held = 1_000_000_000

    def next(self, value, row):
        return value

    def process(self, inputs, out):
        super().process(inputs, out)
        self.held -= 1
        out.hold(self.held)


class Unseeded(Plain):
    about = about("unseeded", "Fault: it draws from a generator that the host has not seeded.")

    def next(self, value, row):
        return value + unseeded()


class Clock(Plain):
    about = about("clock", "It reads the clock, which is refused.")

    def next(self, value, row):
        return value + time.time()


calls = 0


class Global(Plain):
    about = about("global", "Fault: a global outlives its computation.")

    def open(self, arguments, inputs):
        global calls
        calls += 1
        return super().open(arguments, inputs)

    def next(self, value, row):
        global calls
        calls += 1
        return value + calls


class Failing(Plain):
    about = about("failing", "Fails as its argument says, at the record whose value is 3.")
    parameters = {"how": parameter.text("How.", positional=True)}

    def open(self, arguments, inputs):
        self.how = arguments.how
        return super().open(arguments, inputs)

    def next(self, value, row):
        if value == 3:
            self.fail()
        return value

    def fail(self):
        if self.how == "error":
            raise TypeError("three is too many")
        if self.how == "assert":
            assert self is None, "three is too many"
        if self.how == "timer":
            time.sleep(1)
        if self.how == "deep":
            self.fail()
        if self.how == "log":
            print("three came")


class Draws(Plain):
    about = about("draws", "The value and a number of the seeded generator.")

    def next(self, value, row):
        return value + random.random()


class Last(Fold):
    about = about("kept", "The last text: what memory is measured with.")
    value_type = "utf8"
    result_type = "utf8"
    state = {"last": "utf8?"}
    last = None

    def update(self, value, time):
        self.last = value

    def combine(self, later):
        self.last = self.last if later.last is None else later.last

    def result(self):
        return self.last


component = component("faults-python", "1.0.0", [Batches, Forgotten, Unordered, Backwards, Unseeded, Clock, Global, Failing, Draws, Last])
