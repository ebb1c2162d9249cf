/**
 * What the checks share.
 *
 * @module
 */
/** How many random ways a check goes. */
export declare const WAYS = 64;
/**
 * The whole numbers from `start` to before `end`.
 *
 * @param {number} start
 * @param {number} end
 */
export declare function range(start: number, end: number): number[];
/**
 * Arguments as instances take them.
 *
 * @param {Record<string, string>} args
 */
export declare function texts(args: Record<string, string>): {
    name: string;
    value: string;
}[];
/**
 * Refuses values that are not the same, told apart as bytes are: -0 from 0, NaN as itself.
 *
 * @param {any} found
 * @param {any} expected
 * @param {string} what
 * @param {number} [tolerance] Of doubles, in proportion to the greater of them and one.
 */
export declare function equal(found: any, expected: any, what: string, tolerance?: number): void;
/**
 * @param {any} value
 * @returns {string}
 */
export declare function shown(value: any): string;
