// Aggregates that count records, until one has the value 13: then each misbehaves in its way.

const AGGREGATES = [
    "fold_traps", "fold_panics", "fold_loops", "fold_hoards", "finish_loops", "finish_too_few", "finish_other_type", "binds_never", "binds_to_nothing",
];

// How many records there were, by slot.
const counts = new Map();

const slotsOf = (frame, index = 0) => column(new Uint8Array(frame), index, INT64);
const countOf = (slot) => counts.get(slot) ?? 0n;

export const aggregating = {
    describe: () => described(AGGREGATES, "x, 5s"),
    bind(operator) {
        way = operator;
        if (way === "binds_never") loops();
        return { result: "int64", columns: [way === "binds_to_nothing" ? 99 : 0], lookback: { tag: "none" } };
    },
    update(frame) {
        if (column(new Uint8Array(frame), 2, FLOAT64).includes(13)) {
            struck = true;
            if (way === "fold_traps") return null.frame;
            if (way === "fold_panics") throw new TypeError("thirteen guests at the table");
            if (way === "fold_loops") loops();
            if (way === "fold_hoards") hoards();
        }
        slotsOf(frame).forEach((slot) => counts.set(slot, countOf(slot) + 1n));
    },
    combine(frame) {
        const from = slotsOf(frame, 1).map(countOf);
        slotsOf(frame).forEach((slot, row) => counts.set(slot, countOf(slot) + from[row]));
    },
    state: (frame) => encode([[INT64, slotsOf(frame).map(countOf)]]),
    merge(frame) {
        const saved = slotsOf(frame, 1);
        slotsOf(frame).forEach((slot, row) => counts.set(slot, countOf(slot) + saved[row]));
    },
    scan() {
        throw new Error("it is for windows only");
    },
    finish(frame) {
        const slots = slotsOf(frame);
        if (way === "finish_loops" && struck) loops();
        if (way === "finish_too_few" && struck) return encode([[INT64, []]]);
        if (way === "finish_other_type" && struck) return encode([[FLOAT64, slots.map(Number)]]);
        return encode([[INT64, slots.map(countOf)]]);
    },
    clear(frame) {
        slotsOf(frame).forEach((slot) => counts.delete(slot));
    },
    low: () => 0,
    high: () => 0,
};
