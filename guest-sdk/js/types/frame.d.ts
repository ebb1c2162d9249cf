/**
 * Batches as bytes: reading and writing what `wit/frame.md` draws.
 *
 * @module
 */
import { Column } from "./column.js";
/** A batch of records: columns of one length over the bytes of a frame. */
export declare class Frame {
    /** @readonly */ rows: number;
    /** @readonly */ columns: Column[];
    /**
     * @param {number} rows
     * @param {Column[]} columns
     */
    constructor(rows: number, columns: Column[]);
    /**
     * Reads a frame and checks all that a reader must.
     *
     * @param {Uint8Array} bytes
     * @returns {Frame}
     * @throws {RangeError} If the bytes are no frame, or one of another version.
     */
    static parse(bytes: Uint8Array): Frame;
    /**
     * Reads a frame of the host's, which has checked the offsets and the text in it: all else is checked here.
     *
     * @param {Uint8Array} bytes
     * @returns {Frame}
     * @throws {RangeError} As {@link Frame.parse}.
     */
    static view(bytes: Uint8Array): Frame;
}
/**
 * Writes columns of one length as a frame, as every writer does: the same columns give the same bytes.
 *
 * @param {number} rows
 * @param {Column[]} columns
 * @returns {Uint8Array}
 */
export declare function encodeFrame(rows: number, columns: Column[]): Uint8Array;
