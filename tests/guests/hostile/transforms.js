// Transforms that pass records on, until one has the value 13: then each misbehaves in its way. Below the SDK, which keeps its users from most of this.

import { log } from "dag:operator/host@0.1.0";

const WAYS = [
    "traps", "panics", "refuses", "loops", "loops_in_advance", "hoards", "recurses", "returns_too_much", "chatters", "garbage", "bad_version", "bad_length",
    "bad_offset", "bad_text", "bad_time", "other_type", "other_columns", "disorders", "goes_back", "more_for_ever", "opens_never", "opens_refused",
    "opens_twice_a_column",
];
const ORDERED = ["disorders", "goes_back", "loops_in_advance", "more_for_ever"];
const [FLOAT64, UTF8, TIMESTAMP] = [3, 4, 6];

let way = "";
// Whether the 13 has come.
let struck = false;

// A frame of columns, each a type and its values; `undefined` is null.
function encode(columns) {
    const rows = columns[0][1].length;
    const valid = 8 * Math.ceil(rows / 64);
    const size = columns.reduce((size, [type, values]) =>
        size + valid + (type === UTF8 ? 8 * Math.ceil((4 * rows + 4) / 8) + 8 * Math.ceil(values.join("").length / 8) : 8 * rows), 16 + 32 * columns.length);
    const frame = new DataView(new ArrayBuffer(size));
    [1, columns.length, rows, size].forEach((word, at) => frame.setUint32(4 * at, word, true));
    let at = 16 + 32 * columns.length;
    columns.forEach(([type, values], column) => {
        const head = 16 + 32 * column;
        const words = [type, 0, 0, 0, 0, 0, 0, 0];
        if (values.includes(undefined)) {
            [words[1], words[2]] = [at, Math.ceil(rows / 8)];
            values.forEach((value, row) => value === undefined || frame.setUint8(at + (row >> 3), frame.getUint8(at + (row >> 3)) | (1 << (row & 7))));
            at += valid;
        }
        words[3] = at;
        if (type === UTF8) {
            words[4] = 4 * rows + 4;
            words[5] = at + 8 * Math.ceil(words[4] / 8);
            values.forEach((text) => {
                frame.setUint32(at + 4, frame.getUint32(at, true) + text.length, true);
                for (const char of text) {
                    frame.setUint8(words[5] + words[6], char.charCodeAt(0));
                    words[6] += 1;
                }
                at += 4;
            });
            at = words[5] + 8 * Math.ceil(words[6] / 8);
        } else {
            words[4] = 8 * rows;
            values.forEach((value, row) => {
                if (value === undefined) return;
                if (type === FLOAT64) frame.setFloat64(at + 8 * row, value, true);
                else frame.setBigInt64(at + 8 * row, value, true);
            });
            at += 8 * rows;
        }
        words.forEach((word, place) => frame.setUint32(head + 4 * place, word, true));
    });
    // What was reckoned for texts and nulls that are not there is cut off.
    frame.setUint32(12, at, true);
    return new Uint8Array(frame.buffer, 0, at);
}

const output = (frame, more = false) => ({ frame, hold: undefined, more });

function strike(times, values, frame) {
    const at = (moments) => encode([[TIMESTAMP, moments], [FLOAT64, moments.map(() => 0)]]);
    const put = (place, word) => {
        new DataView(frame.buffer, frame.byteOffset).setUint32(place, word, true);
        return frame;
    };
    switch (way) {
        case "traps": return null.frame;
        case "panics": throw new TypeError("thirteen guests at the table");
        case "refuses": throw new Error("thirteen is one too many");
        case "loops": for (;;);
        case "hoards": for (const hoard = []; ;) hoard.push(new Uint8Array(1 << 20).fill(1));
        case "recurses": return (function deeper(depth) { return deeper(depth + 1) + depth; })(1);
        case "chatters": for (;;) log("info", "and another thing");
        case "returns_too_much": return new Uint8Array(2 << 20);
        case "garbage": return Uint8Array.from("this is no frame", (char) => char.charCodeAt(0));
        case "bad_version": return put(0, 2);
        case "bad_length": return put(12, 8);
        // The values of the first column, time.
        case "bad_offset": return put(16 + 12, 1 << 30);
        case "bad_text": {
            frame[new DataView(frame.buffer, frame.byteOffset).getUint32(16 + 32 + 20, true)] = 0xff;
            return frame;
        }
        case "bad_time": return encode([[TIMESTAMP, times.map(() => undefined)], [FLOAT64, values]]);
        case "other_type": return encode([[TIMESTAMP, times], [TIMESTAMP, times]]);
        case "other_columns": return encode([[TIMESTAMP, times], [FLOAT64, values], [FLOAT64, values]]);
        case "disorders": return at([times[0] + 1n, times[0]]);
        case "goes_back": return encode([[TIMESTAMP, times.map((time, row) => values[row] === 13 ? 0n : time)], [FLOAT64, values]]);
        default: return frame;
    }
}

export const transforming = {
    describe() {
        const operators = WAYS.map((name) => ({
            name, doc: "Misbehaves.", example: `${name}(x)`, minInputs: 1, maxInputs: 1, parameters: [], key: undefined, stateWritten: 1, stateRead: [1],
        }));
        return { name: "hostile-js", version: "1.0.0", operators };
    },
    open(operator, given, inputs) {
        way = operator;
        let schema = inputs[0].schema;
        if (way === "opens_never") for (;;);
        if (way === "opens_refused") throw new Error("not on a Friday");
        if (way === "opens_twice_a_column") schema = [schema[0], schema[0]];
        if (way === "bad_text") schema = [{ name: "text", ty: "utf8" }];
        return { schema, order: ORDERED.includes(way) ? "time" : "log", lookback: { tag: "none" } };
    },
    process(frames, order) {
        const bytes = new Uint8Array(frames[0]);
        const input = new DataView(bytes.buffer, bytes.byteOffset);
        const rows = input.getUint32(8, true);
        const [timesAt, valuesAt] = [input.getUint32(28, true), input.getUint32(60, true)];
        const times = Array.from({ length: rows }, (_, row) => input.getBigInt64(timesAt + 8 * row, true));
        const values = Array.from({ length: rows }, (_, row) => input.getFloat64(valuesAt + 8 * row, true));
        const strikes = values.includes(13);
        struck ||= strikes;
        const frame = encode([[TIMESTAMP, times], way === "bad_text" ? [UTF8, times.map(() => "fine")] : [FLOAT64, values]]);
        return output(strikes ? strike(times, values, frame) : frame);
    },
    advance(frontier) {
        const nothing = encode([[TIMESTAMP, []], [way === "bad_text" ? UTF8 : FLOAT64, []]]);
        if (way === "loops_in_advance" && struck) for (;;);
        if (way === "more_for_ever" && struck) return output(nothing, true);
        return output(nothing);
    },
    snapshot() {
        return [];
    },
    restore(version, chunks) {},
};
