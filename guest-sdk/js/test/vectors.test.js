// The frames of `wit/vectors`: read into their values, written byte for byte, broken ones refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { columnOf } from "../src/builder.js";
import { encodeFrame, Frame } from "../src/frame.js";

const VECTORS = new URL("../../../wit/vectors/", import.meta.url);

/** The bytes of hex digits with white space and `#` comments. */
function bytesOf(path) {
    const digits = readFileSync(new URL(path, VECTORS), "utf8").replace(/#.*$/gm, "").replace(/\s/g, "");
    return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** A value as the JSON writes it. */
function valueOf(type, text) {
    if (text === null) {
        return null;
    }
    switch (type) {
        case "int64":
        case "timestamp":
            return BigInt(text);
        case "float64":
            return Buffer.from(text, "hex").readDoubleBE();
        case "binary":
            return Uint8Array.from(Buffer.from(text, "hex"));
        default:
            return text;
    }
}

/** A value so that NaN and -0 are told apart. */
function shown(type, value) {
    if (type === "float64" && value !== null) {
        const bits = Buffer.alloc(8);
        bits.writeDoubleBE(value);
        return bits.toString("hex");
    }
    return value;
}

/** What the JSON of a vector says, and the frame beside it. */
function vector(path) {
    return { batch: JSON.parse(readFileSync(new URL(`${path}.json`, VECTORS), "utf8")), bytes: bytesOf(`${path}.hex`) };
}

function isRead({ batch, bytes }) {
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    for (const frame of [Frame.parse(bytes), Frame.parse(shifted.subarray(1))]) {
        assert.equal(frame.rows, batch.rows);
        assert.deepEqual(frame.columns.map((column) => column.type), batch.columns.map((column) => column.type));
        batch.columns.forEach(({ type, values }, index) => {
            const expected = values.map((value) => shown(type, valueOf(type, value)));
            assert.deepEqual(frame.columns[index].toArray().map((value) => shown(type, value)), expected);
        });
    }
}

const index = JSON.parse(readFileSync(new URL("index.json", VECTORS), "utf8"));
assert.ok(Object.values(index).every((names) => names.length > 0), "each kind has vectors");

for (const name of index.written) {
    const { batch, bytes } = vector(name);

    test(`the vector ${name} is read`, () => isRead({ batch, bytes }));

    test(`the vector ${name} is written`, () => {
        const columns = batch.columns.map(({ type, values }) => columnOf(type, values.map((value) => valueOf(type, value))));
        assert.deepEqual(encodeFrame(batch.rows, columns), bytes);
    });
}

for (const name of index.read) {
    test(`the vector read/${name} is read`, () => isRead(vector(`read/${name}`)));

    test(`the columns of the vector read/${name} are written as a writer does`, () => {
        const frame = Frame.parse(vector(`read/${name}`).bytes);
        const again = encodeFrame(frame.rows, frame.columns);
        const values = (one) => one.columns.map((column) => column.toArray().map((value) => shown(column.type, value)));
        assert.deepEqual(values(Frame.parse(again)), values(frame));
    });
}

for (const name of index.refused) {
    test(`the vector refused/${name} is refused`, () => {
        assert.throws(() => Frame.parse(bytesOf(`refused/${name}.hex`)), RangeError);
    });
}
