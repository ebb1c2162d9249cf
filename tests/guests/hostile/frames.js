// Frames, as the hostile transforms and aggregates read and write them: below the SDK, so that they can be written wrong.

const [INT64, FLOAT64, UTF8, TIMESTAMP] = [2, 3, 4, 6];

// The column of a frame with numbers of 64 bits, without regard to nulls.
function column(frame, index, type) {
    const input = new DataView(frame.buffer, frame.byteOffset);
    const values = input.getUint32(16 + 32 * index + 12, true);
    const value = (row) => type === FLOAT64 ? input.getFloat64(values + 8 * row, true) : input.getBigInt64(values + 8 * row, true);
    return Array.from({ length: input.getUint32(8, true) }, (_, row) => value(row));
}

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
