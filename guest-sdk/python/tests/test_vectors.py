"""The frames of ``wit/vectors``: read into their values, written byte for byte, broken ones refused."""

import json
import re
import struct
import unittest
from pathlib import Path

from dag_guest import Frame, FrameError, column_of, encode_frame

VECTORS = Path(__file__).parents[3] / "wit" / "vectors"
INDEX = json.loads((VECTORS / "index.json").read_text())


def bytes_of(name):
    """The bytes of hex digits with white space and ``#`` comments."""
    return bytes.fromhex(re.sub(r"#.*", "", (VECTORS / f"{name}.hex").read_text()))


def value_of(type, text):
    """A value as the JSON writes it."""
    if text is None:
        return None
    if type in ("int64", "timestamp"):
        return int(text)
    if type == "float64":
        return struct.unpack(">d", bytes.fromhex(text))[0]
    return bytes.fromhex(text) if type == "binary" else text


def shown(type, value):
    """A value so that NaN and -0.0 are told apart."""
    return struct.pack(">d", value).hex() if type == "float64" and value is not None else value


class Vectors(unittest.TestCase):
    def test_each_kind_has_vectors(self):
        self.assertTrue(all(INDEX[kind] for kind in ("written", "read", "refused")))

    def test_frames_are_read(self):
        for name in [*INDEX["written"], *(f"read/{name}" for name in INDEX["read"])]:
            with self.subTest(name):
                batch = json.loads((VECTORS / f"{name}.json").read_text())
                frame = Frame.parse(bytes_of(name))
                self.assertEqual(frame.rows, batch["rows"])
                self.assertEqual([column.type for column in frame.columns], [column["type"] for column in batch["columns"]])
                for column, said in zip(frame.columns, batch["columns"]):
                    expected = [shown(column.type, value_of(column.type, value)) for value in said["values"]]
                    self.assertEqual([shown(column.type, value) for value in column.to_list()], expected)
                    self.assertEqual([shown(column.type, column[row]) for row in range(frame.rows)], expected)

    def test_values_are_written_as_exactly_those_bytes(self):
        for name in INDEX["written"]:
            with self.subTest(name):
                batch = json.loads((VECTORS / f"{name}.json").read_text())
                columns = [column_of(one["type"], [value_of(one["type"], value) for value in one["values"]]) for one in batch["columns"]]
                self.assertEqual(encode_frame(batch["rows"], columns), bytes_of(name))

    def test_what_is_read_is_written_again(self):
        for name in INDEX["read"]:
            with self.subTest(name):
                frame = Frame.parse(bytes_of(f"read/{name}"))
                again = Frame.parse(encode_frame(frame.rows, frame.columns))
                for column, other in zip(frame.columns, again.columns):
                    self.assertEqual(repr(column.to_list()), repr(other.to_list()))

    def test_broken_frames_are_refused(self):
        for name in INDEX["refused"]:
            with self.subTest(name), self.assertRaises(FrameError):
                Frame.parse(bytes_of(f"refused/{name}"))
