// A transform that passes records on as they are, in JavaScript: what componentize-qjs and componentize-js make of the world `transform`.

// The code of a column's type in a frame.
const CODES = { boolean: 1, int64: 2, float64: 3, utf8: 4, binary: 5, timestamp: 6 };

let codes = [];

// A frame without records, with columns of these types.
function empty() {
    const head = 16 + 32 * codes.length;
    const texts = codes.filter((code) => code === 4 || code === 5).length;
    const frame = new DataView(new ArrayBuffer(head + 8 * texts));
    [1, codes.length, 0, frame.byteLength].forEach((word, at) => frame.setUint32(4 * at, word, true));
    let at = head;
    codes.forEach((code, column) => {
        const isText = code === 4 || code === 5;
        const words = [code, 0, 0, at, isText ? 4 : 0, isText ? at + 8 : 0, 0, 0];
        words.forEach((word, place) => frame.setUint32(16 + 32 * column + 4 * place, word, true));
        at += isText ? 8 : 0;
    });
    return new Uint8Array(frame.buffer);
}

export const transforming = {
    describe() {
        const operator = {
            name: NAME, doc: "Passes records on.", example: `${NAME}(x)`, minInputs: 1, maxInputs: 1, parameters: [], key: undefined,
            stateWritten: 1, stateRead: [1],
        };
        return { name: `guest-${NAME}`, version: "1.0.0", operators: [operator] };
    },
    open(operator, given, inputs) {
        codes = [6, ...inputs[0].schema.map((field) => CODES[field.ty])];
        return { schema: inputs[0].schema, order: "log", lookback: { tag: "none" } };
    },
    process(frames, order) {
        return { frame: frames[0], hold: undefined, more: false };
    },
    advance(frontier) {
        return { frame: empty(), hold: undefined, more: false };
    },
    snapshot() {
        return [];
    },
    restore(version, chunks) {},
};
