/**
 * Columns as typed arrays over a frame's bytes.
 *
 * @module
 */

import { decode } from "./text.js";

/** @import { Type, Value } from "./schema.js" */

/**
 * The values of a column where they lie:
 * - `boolean`: a `Uint8Array` of bits, least significant first;
 * - `int64` and `timestamp`: a `BigInt64Array`;
 * - `float64`: a `Float64Array`;
 * - `utf8` and `binary`: an `Int32Array` of offsets into `bytes`, one more than rows.
 *
 * @typedef {Uint8Array | BigInt64Array | Float64Array | Int32Array} Values
 */

/**
 * A column of a frame: typed arrays over its bytes. It is valid until the call that it was given to returns; what is to be kept is
 * copied. Nobody writes to it.
 */
export class Column {
    /**
     * @param {Type} type
     * @param {number} length How many rows.
     * @param {Uint8Array | null} validity One bit a row, least significant first, 1 where there is a value; `null` where all are.
     * @param {any} values As {@link Values} says for the type. At a null's place stands anything.
     * @param {Uint8Array | null} bytes Of `utf8` and `binary`.
     */
    constructor(type, length, validity, values, bytes) {
        /** @readonly */ this.type = type;
        /** @readonly */ this.length = length;
        /** @readonly */ this.validity = validity;
        /** @readonly */ this.values = values;
        /** @readonly */ this.bytes = bytes;
    }

    /**
     * Whether a row has a value.
     *
     * @param {number} row
     * @returns {boolean}
     */
    isValid(row) {
        return this.validity === null || ((this.validity[row >> 3] >> (row & 7)) & 1) === 1;
    }

    /**
     * The value of a row, `null` where there is none. Binary values are views, not copies.
     *
     * @param {number} row From 0 to `length - 1`.
     * @returns {any} Of the type that {@link Type} says.
     */
    get(row) {
        if (!this.isValid(row)) {
            return null;
        }
        const values = this.values;
        switch (this.type) {
            case "boolean":
                return ((values[row >> 3] >> (row & 7)) & 1) === 1;
            case "utf8":
                return decode(/** @type {Uint8Array} */ (this.bytes), values[row], values[row + 1]);
            case "binary":
                return /** @type {Uint8Array} */ (this.bytes).subarray(values[row], values[row + 1]);
            default:
                return values[row];
        }
    }

    /**
     * The values of all rows.
     *
     * @returns {Value[]}
     */
    toArray() {
        return Array.from({ length: this.length }, (_, row) => this.get(row));
    }
}

/**
 * Calls `take` with each row that has a number, as the double that is nearest to it.
 *
 * @param {Column} column Of `int64` or `float64`.
 * @param {(row: number, value: number) => void} take
 */
export function eachNumber(column, take) {
    const { length, validity, values } = column;
    if (column.type === "float64") {
        for (let row = 0; row < length; row++) {
            if (validity === null || (validity[row >> 3] >> (row & 7)) & 1) {
                take(row, values[row]);
            }
        }
        return;
    }
    // Two halves add up to the nearest double, and no BigInt is made.
    const low = new Uint32Array(values.buffer, values.byteOffset, 2 * length);
    const high = new Int32Array(values.buffer, values.byteOffset, 2 * length);
    for (let row = 0; row < length; row++) {
        if (validity === null || (validity[row >> 3] >> (row & 7)) & 1) {
            take(row, high[2 * row + 1] * 4294967296 + low[2 * row]);
        }
    }
}

/**
 * Calls `take` with each row that has a value.
 *
 * @param {Column} column
 * @param {(row: number, value: any) => void} take
 */
export function eachValue(column, take) {
    for (let row = 0; row < column.length; row++) {
        if (column.isValid(row)) {
            take(row, column.get(row));
        }
    }
}
