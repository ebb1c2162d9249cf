/**
 * Batches as bytes: reading and writing what `wit/frame.md` draws.
 *
 * @module
 */

import { isBytes } from "./builder.js";
import { Column } from "./column.js";
import { TYPES } from "./schema.js";
import { decode } from "./text.js";

/** @import { Type } from "./schema.js" */

const VERSION = 1;
const HEADER = 16;
const DESCRIPTOR = 32;
const MAX_ROWS = 0x7fffffff;

/** A batch of records: columns of one length over the bytes of a frame. */
export class Frame {
    /**
     * @param {number} rows
     * @param {Column[]} columns
     */
    constructor(rows, columns) {
        /** @readonly */ this.rows = rows;
        /** @readonly */ this.columns = columns;
    }

    /**
     * Reads a frame and checks all that a reader must.
     *
     * @param {Uint8Array} bytes
     * @returns {Frame}
     * @throws {RangeError} If the bytes are no frame, or one of another version.
     */
    static parse(bytes) {
        const frame = Frame.view(bytes);
        frame.columns.forEach(checkOffsets);
        return frame;
    }

    /**
     * Reads a frame of the host's, which has checked the offsets and the text in it: all else is checked here.
     *
     * @param {Uint8Array} bytes
     * @returns {Frame}
     * @throws {RangeError} As {@link Frame.parse}.
     */
    static view(bytes) {
        const own = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
        const { buffer, byteOffset, length } = own;
        refuse(length < HEADER, () => `a frame has at least ${HEADER} bytes, this one has ${length}`);
        const words = new Uint32Array(/** @type {ArrayBuffer} */ (buffer), byteOffset, length >> 2);
        const [version, columns, rows, stated] = words;
        refuse(version !== VERSION, () => `the frame has version ${version}, known is ${VERSION}`);
        refuse(stated !== length || length % 8 !== 0, () => `the frame says that it has ${stated} bytes, it has ${length}`);
        refuse(rows > MAX_ROWS || (columns === 0 && rows > 0), () => `the frame says that it has ${rows} rows in ${columns} columns`);
        const first = HEADER + DESCRIPTOR * columns;
        refuse(first > length, () => `the frame says that it has ${columns} columns in ${length} bytes`);
        const read = new Array(columns);
        for (let column = 0; column < columns; column++) {
            read[column] = readColumn(words, rows, first, (HEADER + DESCRIPTOR * column) >> 2);
        }
        return new Frame(rows, read);
    }
}

/**
 * Writes columns of one length as a frame, as every writer does: the same columns give the same bytes.
 *
 * @param {number} rows
 * @param {Column[]} columns
 * @returns {Uint8Array}
 */
export function encodeFrame(rows, columns) {
    const first = HEADER + DESCRIPTOR * columns.length;
    let length = first;
    const buffers = columns.map((column) => {
        const own = buffersOf(column, rows);
        for (const buffer of own) {
            length += buffer === null ? 0 : padded(buffer.length);
        }
        return own;
    });
    const frame = new Uint8Array(length);
    const words = new Uint32Array(frame.buffer);
    words.set([VERSION, columns.length, rows, length]);
    let at = first;
    buffers.forEach((own, index) => {
        const descriptor = (HEADER + DESCRIPTOR * index) >> 2;
        words[descriptor] = TYPES.indexOf(columns[index].type) + 1;
        own.forEach((buffer, place) => {
            if (buffer !== null) {
                words[descriptor + 1 + 2 * place] = at;
                words[descriptor + 2 + 2 * place] = buffer.length;
                frame.set(buffer, at);
                at += padded(buffer.length);
            }
        });
    });
    return frame;
}

/**
 * Most frames are right, so that what would be said is made of none of them.
 *
 * @param {boolean} wrong
 * @param {() => string} message
 */
function refuse(wrong, message) {
    if (wrong) {
        throw new RangeError(message());
    }
}

/** @param {number} length */
function padded(length) {
    return (length + 7) & ~7;
}

/**
 * The column that a descriptor says.
 *
 * @param {Uint32Array} words The frame.
 * @param {number} rows
 * @param {number} first Where buffers may begin.
 * @param {number} at The descriptor's first word.
 * @returns {Column}
 */
function readColumn(words, rows, first, at) {
    const type = TYPES[words[at] - 1];
    refuse(type === undefined, () => `the frame has a column of type ${words[at]}`);
    refuse(words[at + 7] !== 0, () => "reserved bytes of the frame are not zero");
    const bits = (rows + 7) >>> 3;
    const hasValidity = words[at + 1] !== 0 || words[at + 2] !== 0;
    const validity = hasValidity ? new Uint8Array(words.buffer, placeOf(words, at + 1, first, bits), bits) : null;
    const hasBytes = isBytes(type);
    const count = hasBytes ? rows + 1 : rows;
    const start = placeOf(words, at + 3, first, type === "boolean" ? bits : hasBytes ? 4 * count : 8 * count);
    if (hasBytes) {
        const length = words[at + 6];
        const bytes = new Uint8Array(words.buffer, placeOf(words, at + 5, first, length), length);
        return new Column(type, rows, validity, new Int32Array(words.buffer, start, count), bytes);
    }
    refuse(words[at + 5] !== 0 || words[at + 6] !== 0, () => `a column of ${type} has a bytes buffer`);
    switch (type) {
        case "boolean":
            return new Column(type, rows, validity, new Uint8Array(words.buffer, start, bits), null);
        case "float64":
            return new Column(type, rows, validity, new Float64Array(words.buffer, start, count), null);
        default:
            return new Column(type, rows, validity, new BigInt64Array(words.buffer, start, count), null);
    }
}

/**
 * Where a buffer begins in the array buffer that the frame lies in.
 *
 * @param {Uint32Array} words The frame.
 * @param {number} at The word with the buffer's offset; behind it is its length.
 * @param {number} first Where buffers may begin.
 * @param {number} expected The length that it has to have.
 */
function placeOf(words, at, first, expected) {
    const [offset, length] = [words[at], words[at + 1]];
    const fits = offset % 8 === 0 && offset >= first && offset + length <= words.byteLength;
    refuse(!fits || length !== expected, () => `a buffer of the frame has ${length} bytes at ${offset}`);
    return words.byteOffset + offset;
}

/**
 * Refuses offsets that are negative, decrease or lead outside, and text that is not UTF-8.
 *
 * @param {Column} column
 */
function checkOffsets(column) {
    if (column.bytes === null) {
        return;
    }
    let last = 0;
    for (const offset of column.values) {
        refuse(offset < last || offset > column.bytes.length, () => `offsets of a column of ${column.type} lead from ${last} to ${offset}`);
        last = offset;
    }
    if (column.type === "utf8") {
        for (let row = 0; row < column.length; row++) {
            decode(column.bytes, column.values[row], column.values[row + 1]);
        }
    }
}

/**
 * The buffers of a column: validity, values, bytes; `null` where it has none.
 *
 * @param {Column} column
 * @param {number} rows
 * @returns {(Uint8Array | null)[]}
 */
function buffersOf(column, rows) {
    refuse(column.length !== rows, () => `a column of ${column.length} rows in a frame of ${rows}`);
    const { type, values } = column;
    const validity = column.validity && clean(column.validity, rows);
    if (type === "boolean") {
        return [validity, clean(values, rows), null];
    }
    if (column.bytes === null) {
        return [validity, bytesOf(values), null];
    }
    const [first, last] = [values[0], values[rows]];
    const offsets = first === 0 ? values : values.map((/** @type {number} */ offset) => offset - first);
    return [validity, bytesOf(offsets), column.bytes.subarray(first, last)];
}

/**
 * @param {ArrayBufferView} values
 * @returns {Uint8Array}
 */
function bytesOf(values) {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The bits of so many rows, with zeros past the last.
 *
 * @param {Uint8Array} bits
 * @param {number} rows
 */
function clean(bits, rows) {
    const own = bits.slice(0, (rows + 7) >> 3);
    if (rows % 8 !== 0) {
        own[own.length - 1] &= (1 << rows % 8) - 1;
    }
    return own;
}
