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
        refuse(length < HEADER, `a frame has at least ${HEADER} bytes, this one has ${length}`);
        const view = new DataView(buffer, byteOffset, length);
        const [version, columns, rows, stated] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
        refuse(version !== VERSION, `the frame has version ${version}, known is ${VERSION}`);
        refuse(stated !== length || length % 8 !== 0, `the frame says that it has ${stated} bytes, it has ${length}`);
        refuse(rows > MAX_ROWS || (columns === 0 && rows > 0), `the frame says that it has ${rows} rows in ${columns} columns`);
        const first = HEADER + DESCRIPTOR * columns;
        refuse(first > length, `the frame says that it has ${columns} columns in ${length} bytes`);
        const read = (/** @type {number} */ column) => readColumn(view, rows, first, HEADER + DESCRIPTOR * column);
        return new Frame(rows, Array.from({ length: columns }, (_, column) => read(column)));
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
    const buffers = columns.map((column) => buffersOf(column, rows));
    const first = HEADER + DESCRIPTOR * columns.length;
    const length = buffers.flat().reduce((sum, buffer) => sum + padded(buffer ? buffer.length : 0), first);
    const frame = new Uint8Array(length);
    const view = new DataView(frame.buffer);
    [VERSION, columns.length, rows, length].forEach((word, at) => view.setUint32(4 * at, word, true));
    let at = first;
    buffers.forEach((own, index) => {
        const descriptor = HEADER + DESCRIPTOR * index;
        view.setUint32(descriptor, TYPES.indexOf(columns[index].type) + 1, true);
        own.forEach((buffer, place) => {
            if (buffer !== null) {
                view.setUint32(descriptor + 4 + 8 * place, at, true);
                view.setUint32(descriptor + 8 + 8 * place, buffer.length, true);
                frame.set(buffer, at);
                at += padded(buffer.length);
            }
        });
    });
    return frame;
}

/**
 * @param {boolean} wrong
 * @param {string} message
 */
function refuse(wrong, message) {
    if (wrong) {
        throw new RangeError(message);
    }
}

/** @param {number} length */
function padded(length) {
    return (length + 7) & ~7;
}

/**
 * The column that a descriptor says.
 *
 * @param {DataView} view
 * @param {number} rows
 * @param {number} first Where buffers may begin.
 * @param {number} at
 * @returns {Column}
 */
function readColumn(view, rows, first, at) {
    const word = (/** @type {number} */ place) => view.getUint32(at + 4 * place, true);
    const type = TYPES[word(0) - 1];
    refuse(type === undefined, `the frame has a column of type ${word(0)}`);
    refuse(word(7) !== 0, "reserved bytes of the frame are not zero");
    const bits = Math.ceil(rows / 8);
    const buffer = (/** @type {number} */ place, /** @type {number | undefined} */ expected) => {
        const [offset, length] = [word(place), word(place + 1)];
        const fits = offset % 8 === 0 && offset >= first && offset + length <= view.byteLength;
        refuse(!fits || (expected ?? length) !== length, `a buffer of the frame has ${length} bytes at ${offset}`);
        return [view.byteOffset + offset, length];
    };
    /** @type {Uint8Array | null} */
    let validity = null;
    if (word(1) !== 0 || word(2) !== 0) {
        validity = new Uint8Array(view.buffer, ...buffer(1, bits));
    }
    const count = isBytes(type) ? rows + 1 : rows;
    const [start] = buffer(3, type === "boolean" ? bits : isBytes(type) ? 4 * count : 8 * count);
    const data = /** @type {ArrayBuffer} */ (view.buffer);
    switch (type) {
        case "boolean":
            refuse(word(5) !== 0 || word(6) !== 0, "a column of boolean has a bytes buffer");
            return new Column(type, rows, validity, new Uint8Array(data, start, bits), null);
        case "utf8":
        case "binary":
            return new Column(type, rows, validity, new Int32Array(data, start, count), new Uint8Array(data, ...buffer(5, undefined)));
        default: {
            refuse(word(5) !== 0 || word(6) !== 0, `a column of ${type} has a bytes buffer`);
            const values = type === "float64" ? new Float64Array(data, start, count) : new BigInt64Array(data, start, count);
            return new Column(type, rows, validity, values, null);
        }
    }
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
        refuse(offset < last || offset > column.bytes.length, `offsets of a column of ${column.type} lead from ${last} to ${offset}`);
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
    refuse(column.length !== rows, `a column of ${column.length} rows in a frame of ${rows}`);
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
