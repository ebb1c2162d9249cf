// Columns that grow, by value and by rows of others.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ColumnBuilder, columnOf, encodeFrame, Frame, takeRows } from "dag-guest";

const VALUES = {
    boolean: (i) => i % 3 === 0,
    int64: (i) => BigInt(i) - 5n,
    float64: (i) => i / 3,
    utf8: (i) => "ż".repeat(i % 5),
    binary: (i) => Uint8Array.of(i & 255, 7),
    timestamp: (i) => BigInt(i) * 1_000_000_007n,
};

for (const [type, value] of Object.entries(VALUES)) {
    for (const firstNull of [0, 1, 7, 8, 15, 16, 17, 130, 999, Infinity]) {
        test(`a thousand values of ${type}, the first null at ${firstNull}, come out as they went in`, () => {
            const values = Array.from({ length: 1000 }, (_, i) => (i >= firstNull && (i - firstNull) % 10 === 0 ? null : value(i)));
            const column = columnOf(type, values);
            const rows = Array.from({ length: 1000 }, (_, i) => (i * 7) % 1000);
            const appended = new ColumnBuilder(type);
            appended.push(null);
            appended.append(column);
            const pairs = [
                [column, values],
                [takeRows([column], rows)[0], rows.map((row) => values[row])],
                [appended.finish(), [null, ...values]],
            ];
            for (const [made, expected] of pairs) {
                const frame = Frame.parse(encodeFrame(made.length, [made]));
                assert.deepEqual(frame.columns[0].toArray(), expected);
            }
        });
    }
}

test("what is not of the column's type, or does not fit, is refused", () => {
    assert.throws(() => columnOf("int64", [1]), /write 1n, or BigInt/);
    assert.throws(() => columnOf("int64", [2n ** 63n]), RangeError);
    assert.throws(() => columnOf("float64", [1n]), TypeError);
    assert.throws(() => columnOf("utf8", [1]), TypeError);
});
