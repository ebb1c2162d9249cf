/**
 * Columns that grow.
 *
 * @module
 */

import { Column } from "./column.js";
import { encodedLength, encodeInto } from "./text.js";

/** @import { Type, Value } from "./schema.js" */

/** The bits of the one NaN that columns hold: which bits an operation gives a NaN depends on the machine. */
const NAN = 0x7ff8000000000000n;

/** A column that grows by a value at a time, or by rows of other columns. */
export class ColumnBuilder {
    /** @param {Type} type */
    constructor(type) {
        /** @readonly */ this.type = type;
        /** How many rows. */
        this.length = 0;
        /** @type {Uint8Array | null} */
        this.validity = null;
        /** @type {any} */
        this.values = emptyValues(type, 16);
        /** @type {Uint8Array | null} */
        this.bytes = isBytes(type) ? new Uint8Array(64) : null;
        /** How many bytes text and binary have so far. */
        this.used = 0;
    }

    /**
     * Appends a value.
     *
     * @param {Value} value Of the column's type, or `null`.
     * @throws {TypeError} If it is of another type.
     * @throws {RangeError} If it does not fit into 64 bits.
     */
    push(value) {
        const row = this.length;
        this.reserve(row + 1);
        if (value === null || value === undefined) {
            this.setNull(row);
        } else {
            this.#write(row, value);
        }
        this.length = row + 1;
    }

    /**
     * Appends values.
     *
     * @param {Iterable<Value>} values Of the column's type, or `null`.
     * @throws {TypeError | RangeError} As {@link ColumnBuilder.push}.
     */
    extend(values) {
        if (this.type !== "float64" || !Array.isArray(values)) {
            for (const value of values) {
                this.push(value);
            }
            return;
        }
        this.reserve(this.length + values.length);
        for (const value of values) {
            if (typeof value === "number") {
                this.values[this.length++] = value;
            } else {
                this.push(value);
            }
        }
    }

    /**
     * Appends rows of a column of the same type.
     *
     * @param {Column} column
     * @param {ArrayLike<number>} rows
     */
    take(column, rows) {
        this.#expectType(column);
        if (column.validity === null && this.type !== "boolean") {
            for (let at = 0; at < rows.length; ) {
                const first = rows[at];
                let count = 1;
                while (rows[at + count] === first + count) {
                    count += 1;
                }
                this.#copy(column, first, count);
                at += count;
            }
            return;
        }
        this.reserve(this.length + rows.length);
        for (let at = 0; at < rows.length; at++) {
            this.#takeRow(column, rows[at]);
        }
    }

    /**
     * Appends a whole column of the same type.
     *
     * @param {Column} column
     */
    append(column) {
        this.#expectType(column);
        if (column.validity === null && this.type !== "boolean") {
            this.#copy(column, 0, column.length);
            return;
        }
        this.reserve(this.length + column.length);
        for (let row = 0; row < column.length; row++) {
            this.#takeRow(column, row);
        }
    }

    /**
     * The column so far.
     *
     * @returns {Column}
     */
    finish() {
        const { type, length, values } = this;
        const bits = (length + 7) >> 3;
        if (type === "float64") {
            canonicalise(values, length);
        }
        const count = type === "boolean" ? bits : isBytes(type) ? length + 1 : length;
        const validity = this.validity && this.validity.subarray(0, bits);
        return new Column(type, length, validity, values.subarray(0, count), this.bytes && this.bytes.subarray(0, this.used));
    }

    /**
     * Makes room for so many rows.
     *
     * @param {number} rows
     */
    reserve(rows) {
        const needed = this.type === "boolean" ? (rows + 7) >> 3 : rows + 1;
        if (needed > this.values.length) {
            const grown = emptyValues(this.type, Math.max(needed, 2 * this.values.length));
            grown.set(this.values);
            this.values = grown;
        }
        const bits = (rows + 7) >> 3;
        if (this.validity !== null && bits > this.validity.length) {
            this.validity = grownBits(this.validity, 2 * bits);
        }
    }

    /** @param {number} row */
    setNull(row) {
        if (this.validity === null) {
            // For all rows that there is room for.
            this.validity = grownBits(new Uint8Array(0), this.type === "boolean" ? this.values.length : (this.values.length + 7) >> 3);
        }
        this.validity[row >> 3] &= ~(1 << (row & 7));
        if (this.bytes !== null) {
            this.values[row + 1] = this.used;
        }
    }

    /**
     * Appends consecutive rows of a column without nulls, but not of `boolean`.
     *
     * @param {Column} column
     * @param {number} first
     * @param {number} count
     */
    #copy(column, first, count) {
        const at = this.length;
        this.reserve(at + count);
        if (column.bytes === null) {
            // Few of them are faster one by one.
            if (count < 4) {
                for (let row = 0; row < count; row++) {
                    this.values[at + row] = column.values[first + row];
                }
            } else {
                this.values.set(column.values.subarray(first, first + count), at);
            }
        } else {
            const [own, offsets] = [this.values, column.values];
            const shift = this.used - offsets[first];
            this.#appendBytes(column.bytes, offsets[first], offsets[first + count]);
            for (let row = 1; row <= count; row++) {
                own[at + row] = offsets[first + row] + shift;
            }
        }
        this.length = at + count;
    }

    /**
     * Appends a row of a column of any kind. There is room for it.
     *
     * @param {Column} column
     * @param {number} row
     */
    #takeRow(column, row) {
        const at = this.length;
        if (!column.isValid(row)) {
            this.setNull(at);
        } else if (column.bytes !== null) {
            this.#appendBytes(column.bytes, column.values[row], column.values[row + 1]);
            this.values[at + 1] = this.used;
        } else {
            this.#write(at, column.get(row));
        }
        this.length = at + 1;
    }

    /**
     * @param {number} row
     * @param {Value} value
     */
    #write(row, value) {
        switch (this.type) {
            case "boolean":
                this.#expect(typeof value === "boolean", value);
                if (value) {
                    this.values[row >> 3] |= 1 << (row & 7);
                }
                break;
            case "float64":
                this.#expect(typeof value === "number", value);
                this.values[row] = value;
                break;
            case "utf8": {
                this.#expect(typeof value === "string", value);
                const text = /** @type {string} */ (value);
                const bytes = this.#room(encodedLength(text));
                this.used = encodeInto(text, bytes, this.used);
                this.values[row + 1] = this.used;
                break;
            }
            case "binary":
                this.#expect(value instanceof Uint8Array, value);
                this.#appendBytes(/** @type {Uint8Array} */ (value), 0, /** @type {Uint8Array} */ (value).length);
                this.values[row + 1] = this.used;
                break;
            default:
                this.#expect(typeof value === "bigint", value);
                if (BigInt.asIntN(64, /** @type {bigint} */ (value)) !== value) {
                    throw new RangeError(`${value} does not fit into ${this.type}`);
                }
                this.values[row] = value;
        }
    }

    /**
     * @param {Uint8Array} from
     * @param {number} start
     * @param {number} end
     */
    #appendBytes(from, start, end) {
        const bytes = this.#room(end - start);
        if (end - start > 16) {
            bytes.set(from.subarray(start, end), this.used);
            this.used += end - start;
            return;
        }
        for (let at = start; at < end; at++) {
            bytes[this.used++] = from[at];
        }
    }

    /**
     * The bytes, with room for so many more.
     *
     * @param {number} more
     * @returns {Uint8Array}
     */
    #room(more) {
        const bytes = /** @type {Uint8Array} */ (this.bytes);
        const needed = this.used + more;
        if (needed <= bytes.length) {
            return bytes;
        }
        if (needed > 0x7fffffff) {
            throw new RangeError(`a column of ${this.type} has more than 2 GiB`);
        }
        const grown = new Uint8Array(Math.max(needed, 2 * bytes.length));
        grown.set(bytes);
        this.bytes = grown;
        return grown;
    }

    /** @param {Column} column */
    #expectType(column) {
        if (column.type !== this.type) {
            throw new TypeError(`a column of ${column.type} cannot be appended to one of ${this.type}`);
        }
    }

    /**
     * @param {boolean} fits
     * @param {unknown} value
     */
    #expect(fits, value) {
        if (!fits) {
            const hint = typeof value === "number" && this.type !== "float64" ? `; write ${value}n, or BigInt(...)` : "";
            throw new TypeError(`a value of ${this.type} cannot be ${String(value)} (${typeof value})${hint}`);
        }
    }
}

/**
 * A column of these values.
 *
 * @param {Type} type
 * @param {Iterable<Value>} values
 * @returns {Column}
 */
export function columnOf(type, values) {
    const builder = new ColumnBuilder(type);
    builder.extend(values);
    return builder.finish();
}

/**
 * These rows of these columns.
 *
 * @param {Column[]} columns
 * @param {ArrayLike<number>} rows
 * @returns {Column[]}
 */
export function takeRows(columns, rows) {
    return columns.map((column) => {
        const builder = new ColumnBuilder(column.type);
        builder.take(column, rows);
        return builder.finish();
    });
}

/** @param {Type} type */
export function isBytes(type) {
    return type === "utf8" || type === "binary";
}

/**
 * Gives each NaN the same bits.
 *
 * @param {Float64Array} values
 * @param {number} length
 */
export function canonicalise(values, length) {
    for (let row = 0; row < length; row++) {
        if (values[row] !== values[row]) {
            new BigInt64Array(values.buffer, values.byteOffset, length)[row] = NAN;
        }
    }
}

/**
 * More bits, the new ones set.
 *
 * @param {Uint8Array} bits
 * @param {number} bytes
 */
function grownBits(bits, bytes) {
    const grown = new Uint8Array(bytes).fill(0xff);
    grown.set(bits);
    return grown;
}

/**
 * @param {Type} type
 * @param {number} count
 */
function emptyValues(type, count) {
    switch (type) {
        case "boolean":
            return new Uint8Array(count);
        case "float64":
            return new Float64Array(count);
        case "int64":
        case "timestamp":
            return new BigInt64Array(count);
        default:
            return new Int32Array(count + 1);
    }
}
