/**
 * Chance that is the same in every run.
 *
 * @module
 */
/** SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
export declare class Chance {
    #private;
    /** @param {number} seed */
    constructor(seed: number);
    /** @returns {bigint} Sixty-four bits. */
    next(): bigint;
    /**
     * A number below `bound`, which is not 0.
     *
     * @param {number} bound
     */
    below(bound: number): number;
    /**
     * True once in `times`.
     *
     * @param {number} times
     */
    onceIn(times: number): boolean;
    /**
     * Cuts `0..rows` into consecutive batches, some of them empty.
     *
     * @param {number} rows
     * @returns {[start: number, end: number][]}
     */
    cuts(rows: number): [start: number, end: number][];
}
