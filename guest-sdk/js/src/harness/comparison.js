/**
 * What the checks share.
 *
 * @module
 */

/** How many random ways a check goes. */
export const WAYS = 64;

/**
 * The whole numbers from `start` to before `end`.
 *
 * @param {number} start
 * @param {number} end
 */
export function range(start, end) {
    return Array.from({ length: end - start }, (_, index) => start + index);
}

/**
 * Arguments as instances take them.
 *
 * @param {Record<string, string>} args
 */
export function texts(args) {
    return Object.entries(args).map(([name, value]) => ({ name, value }));
}

/**
 * Refuses values that are not the same, told apart as bytes are: -0 from 0, NaN as itself.
 *
 * @param {any} found
 * @param {any} expected
 * @param {string} what
 * @param {number} [tolerance] Of doubles, in proportion to the greater of them and one.
 */
export function equal(found, expected, what, tolerance = 0) {
    if (!same(found, expected, tolerance)) {
        throw new Error(`${what}: found ${shown(found)}, expected ${shown(expected)}`);
    }
}

/**
 * @param {any} a
 * @param {any} b
 * @param {number} tolerance
 * @returns {boolean}
 */
function same(a, b, tolerance) {
    if (typeof a === "number" && typeof b === "number") {
        return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1) - Number.MIN_VALUE * Number(tolerance === 0);
    }
    const areLists = (Array.isArray(a) && Array.isArray(b)) || (a instanceof Uint8Array && b instanceof Uint8Array);
    if (areLists) {
        return a.length === b.length && range(0, a.length).every((index) => same(a[index], b[index], tolerance));
    }
    return a === b;
}

/**
 * @param {any} value
 * @returns {string}
 */
export function shown(value) {
    if (Array.isArray(value) || value instanceof Uint8Array) {
        return `[${Array.from(value, shown).join(", ")}]`;
    }
    return typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : typeof value === "string" ? JSON.stringify(value) : String(value);
}
