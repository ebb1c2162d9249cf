// Keys: what is equal is one key, and nothing else is.
import assert from "node:assert/strict";
import { test } from "node:test";

import { columnOf, encodeFrame, Frame, Keyed, keysOf, takeRows } from "dag-guest";

/** Per type, values of which no two are equal. */
const DISTINCT = {
    boolean: [null, true, false],
    int64: [null, 0n, -1n, 2n ** 62n, 2n ** 62n + 1n],
    float64: [null, 0, 0.5, -0.5, NaN, Infinity],
    utf8: [null, "", "a", "aa", "ż", "\u0100", "\u{1f980}", "null", "x".repeat(10_000), "x".repeat(10_001)],
    binary: [null, Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(255, 254), Uint8Array.of(0, 0)],
    timestamp: [null, 0n, 1n],
};

for (const [type, values] of Object.entries(DISTINCT)) {
    test(`equal values of ${type} are one key, and different ones are several`, () => {
        const column = columnOf(type, [...values, ...values]);
        const keys = keysOf([column], column.length);
        assert.equal(new Set(keys).size, values.length);
        values.forEach((_, row) => assert.equal(keys[row], keys[row + values.length]));
    });
}

test("minus zero is zero", () => {
    assert.equal(new Set(keysOf([columnOf("float64", [0, -0])], 2)).size, 1);
});

test("where one of several values ends is part of the key", () => {
    const pairs = [["a", "bc"], ["ab", "c"], ["", "abc"], [null, "abc"], ["abc", null], ["1:a", ""], ["", "1:a"]];
    const columns = [0, 1].map((index) => columnOf("utf8", pairs.map((pair) => pair[index])));
    assert.equal(new Set(keysOf(columns, pairs.length)).size, pairs.length);
    assert.deepEqual(keysOf([], 2), ["", ""]);
});

test("the key of a row is the same wherever in a frame it lies", () => {
    const column = columnOf("utf8", DISTINCT.utf8);
    const rows = Array.from({ length: 300 }, (_, i) => (i * 7) % column.length);
    const frame = Frame.parse(encodeFrame(rows.length, takeRows([column], rows)));
    const keys = keysOf([column], column.length);
    assert.deepEqual(keysOf(frame.columns, frame.rows), rows.map((row) => keys[row]));
});

test("what was saved has the same numbers and states when it is loaded", () => {
    class Sum {
        static state = { sum: "float64" };
        sum = 0;
    }
    const schema = [{ name: "host", type: "utf8" }, { name: "rack", type: "int64" }];
    const made = () => new Keyed(["host", "rack"], schema, Sum);
    const columns = [columnOf("utf8", ["a", null, "ż", "a"]), columnOf("int64", [1n, 1n, null, 1n])];
    const batch = { rows: 4, column: (index) => columns[index] };
    const before = made();
    const numbers = before.numbers(batch);
    assert.deepEqual([...numbers], [0, 1, 2, 0]);
    numbers.forEach((number) => (before.state(number).sum += 1));
    const after = made();
    after.load(before.save());
    assert.deepEqual([...after.numbers(batch)], [0, 1, 2, 0]);
    assert.deepEqual([0, 1, 2].map((number) => after.state(number).sum), [2, 1, 1]);
});
