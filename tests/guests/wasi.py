"""A transform that puts what a clock and a generator say in the place of values, in Python: what componentize-py makes of it where nothing of WASI is
stubbed."""

import os
import struct
import sys
import time

from wit_world.exports import transforming
from wit_world.imports import types

# A frame of no records with a time and a column of float64.
EMPTY = struct.pack("<4I8I8I", 1, 2, 0, 80, 6, 0, 0, 80, 0, 0, 0, 0, 3, 0, 0, 80, 0, 0, 0, 0)


def looked():
    """Fractions of the generator's next number, beside the clock's next look."""
    number = struct.unpack("<Q", os.urandom(8))[0] >> 12
    return time.monotonic_ns() + time.time_ns() + number / (1 << 52)


class Transforming:
    def describe(self):
        signature = types.Signature("looks_python", "Looks at the clock.", "looks_python(x)", 1, 1, [], None, 1, [1])
        return types.Description("looks-python", "1.0.0", [signature])

    def open(self, operator, arguments, inputs):
        print(f"python opened with {len(os.environ)} variables")
        schema = [types.Field("value", types.ColumnType.FLOAT64)]
        return transforming.Opening(schema, transforming.Order.LOG, types.Lookback_None_())

    def process(self, frames, order):
        frame = bytearray(frames[0])
        rows, = struct.unpack_from("<I", frame, 8)
        times, = struct.unpack_from("<I", frame, 16 + 12)
        made = bytearray(struct.pack("<4I8I8I", 1, 2, rows, 80 + 16 * rows, 6, 0, 0, 80, 8 * rows, 0, 0, 0, 3, 0, 0, 80 + 8 * rows, 8 * rows, 0, 0, 0))
        made += frame[times:times + 8 * rows]
        for row in range(rows):
            if struct.unpack_from("<q", frame, times + 8 * row)[0] == 13:
                print("thirteen is one too many", file=sys.stderr)
                open("/etc/passwd")
            made += struct.pack("<d", looked())
        return transforming.Output(bytes(made), None, False)

    def advance(self, frontier):
        return transforming.Output(EMPTY, None, False)

    def snapshot(self):
        looked()
        return []

    def restore(self, version, chunks):
        looked()
