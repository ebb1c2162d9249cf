/**
 * Chance that is the same in every run.
 *
 * @module
 */

const MASK = 0xffffffffffffffffn;

/** SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
export class Chance {
    #state;

    /** @param {number} seed */
    constructor(seed) {
        this.#state = BigInt(seed);
    }

    /** @returns {bigint} Sixty-four bits. */
    next() {
        this.#state = (this.#state + 0x9e3779b97f4a7c15n) & MASK;
        let mixed = ((this.#state ^ (this.#state >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
        mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
        return mixed ^ (mixed >> 31n);
    }

    /**
     * A number below `bound`, which is not 0.
     *
     * @param {number} bound
     */
    below(bound) {
        return Number(this.next() % BigInt(bound));
    }

    /**
     * True once in `times`.
     *
     * @param {number} times
     */
    onceIn(times) {
        return this.below(times) === 0;
    }

    /**
     * Cuts `0..rows` into consecutive batches, some of them empty.
     *
     * @param {number} rows
     * @returns {[start: number, end: number][]}
     */
    cuts(rows) {
        const greatest = 1 + this.below(rows + 1);
        /** @type {[number, number][]} */
        const cuts = [];
        for (let start = 0; start < rows; ) {
            const end = Math.min(rows, start + this.below(greatest + 1));
            cuts.push([start, end]);
            start = end;
        }
        return cuts;
    }
}
