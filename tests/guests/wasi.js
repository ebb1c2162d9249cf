// A transform that puts what a clock says in the place of values, in JavaScript: what componentize-qjs and componentize-js make of it where
// nothing of WASI is stubbed.

function frame(times) {
    const made = new DataView(new ArrayBuffer(80 + 16 * times.length));
    const bytes = 8 * times.length;
    const head = [1, 2, times.length, made.byteLength, 6, 0, 0, 80, bytes, 0, 0, 0, 3, 0, 0, 80 + bytes, bytes, 0, 0, 0];
    head.forEach((word, at) => made.setUint32(4 * at, word, true));
    times.forEach((time, row) => {
        made.setBigInt64(80 + 8 * row, time, true);
        made.setFloat64(80 + bytes + 8 * row, Date.now(), true);
    });
    return new Uint8Array(made.buffer);
}

export const transforming = {
    describe() {
        const operator = {
            name: NAME, doc: "Looks at the clock.", example: `${NAME}(x)`, minInputs: 1, maxInputs: 1, parameters: [], key: undefined,
            stateWritten: 1, stateRead: [1],
        };
        return { name: NAME.replace("_", "-"), version: "1.0.0", operators: [operator] };
    },
    open(operator, given, inputs) {
        return { schema: [{ name: "value", ty: "float64" }], order: "log", lookback: { tag: "none" } };
    },
    process(frames, order) {
        const bytes = new Uint8Array(frames[0]);
        const input = new DataView(bytes.buffer, bytes.byteOffset);
        const [rows, at] = [input.getUint32(8, true), input.getUint32(28, true)];
        const times = Array.from({ length: rows }, (_, row) => input.getBigInt64(at + 8 * row, true));
        return { frame: frame(times), hold: undefined, more: false };
    },
    advance(frontier) {
        return { frame: frame([]), hold: undefined, more: false };
    },
    snapshot() {
        Date.now();
        return [];
    },
    restore(version, chunks) {
        Date.now();
    },
};
