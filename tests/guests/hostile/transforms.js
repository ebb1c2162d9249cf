// Transforms that pass records on, until one has the value 13: then each misbehaves in its way. What they return is that of `guest-sdk/js/wit/quickjs.wit`.

const TRANSFORMS = [
    "traps", "panics", "refuses", "loops", "loops_in_advance", "hoards", "recurses", "returns_too_much", "chatters", "garbage", "bad_version", "bad_length",
    "bad_offset", "bad_text", "bad_time", "other_type", "other_columns", "disorders", "goes_back", "hold_goes_back", "more_for_ever", "opens_never",
    "opens_refused", "opens_twice_a_column", "snapshots_never", "snapshots_too_much",
];
const ORDERED = ["disorders", "goes_back", "hold_goes_back", "loops_in_advance", "more_for_ever"];

let way = "";
// Whether the 13 has come, and whether the hold goes back next time.
let [struck, back] = [false, false];
// The hold of the last output, whose place there a 0 takes: it crosses as two halves.
let held = 0n;

const output = (frame, more = false) => ({ frame, hold: undefined, more });

function holding(frame, hold) {
    held = hold;
    return { frame, hold: 0, more: false };
}

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
        case "loops": loops();
        case "hoards": hoards();
        case "recurses": return (function deeper(depth) { return deeper(depth + 1) + depth; })(1);
        case "chatters": chatters();
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
    describe: () => described(TRANSFORMS, "x"),
    open(operator, given, inputs) {
        way = operator;
        let schema = inputs[0].schema;
        if (way === "opens_never") loops();
        if (way === "opens_refused") throw new Error("not on a Friday");
        if (way === "opens_twice_a_column") schema = [schema[0], schema[0]];
        if (way === "bad_text") schema = [{ name: "text", ty: "utf8" }];
        return { schema, order: ORDERED.includes(way) ? "time" : "log", lookback: { tag: "none" } };
    },
    process(frames) {
        const input = new Uint8Array(frames[0]);
        const [times, values] = [column(input, 0, TIMESTAMP), column(input, 1, FLOAT64)];
        const passed = way !== "hold_goes_back" ? times.length : struck ? 0 : values.filter((value) => value < 13).length;
        const strikes = values.includes(13);
        struck ||= strikes;
        const texts = [UTF8, times.map(() => "fine")];
        const frame = encode([[TIMESTAMP, times.slice(0, passed)], way === "bad_text" ? texts : [FLOAT64, values.slice(0, passed)]]);
        return output(strikes ? strike(times, values, frame) : frame);
    },
    advance(isSome, low, high) {
        const nothing = encode([[TIMESTAMP, []], [way === "bad_text" ? UTF8 : FLOAT64, []]]);
        if (way === "loops_in_advance" && struck) loops();
        if (way === "more_for_ever" && struck) return output(nothing, true);
        if (way === "hold_goes_back" && isSome) {
            // After the 13 every second time; before, and in between, one nanosecond behind, to have a hold to go back from.
            const goesBack = back;
            back = struck && !back;
            return holding(nothing, goesBack ? 0n : (BigInt(high) << 32n | BigInt.asUintN(32, BigInt(low))) - 1n);
        }
        return output(nothing);
    },
    snapshot() {
        if (way === "snapshots_never") loops();
        return way === "snapshots_too_much" ? [new Uint8Array(2 << 20)] : [];
    },
    restore(version, chunks) {},
    low: () => Number(BigInt.asIntN(32, held)),
    high: () => Number(BigInt.asIntN(32, held >> 32n)),
};
