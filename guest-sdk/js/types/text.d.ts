/**
 * UTF-8, strictly: what is no text is refused. QuickJS has no `TextDecoder` and no `TextEncoder`.
 *
 * @module
 */
/**
 * The text that these bytes are.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {string}
 * @throws {RangeError} If they are not UTF-8: cut, too long for what they say, a surrogate, or past U+10FFFF.
 */
export declare function decode(bytes: Uint8Array, start: number, end: number): string;
/**
 * How many bytes a text has as UTF-8.
 *
 * @param {string} text
 * @returns {number}
 */
export declare function encodedLength(text: string): number;
/**
 * Writes a text as UTF-8. Half of a surrogate pair becomes U+FFFD.
 *
 * @param {string} text
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {number} The place behind the last byte.
 */
export declare function encodeInto(text: string, bytes: Uint8Array, at: number): number;
/**
 * The text as UTF-8.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export declare function encode(text: string): Uint8Array;
