/**
 * Transforms in tests.
 *
 * @module
 */

import { component } from "../component/component.js";
import { TransformInstance } from "../component/transforms.js";
import { Frame } from "../frame.js";
import { Chance } from "./chance.js";
import { equal, range, shown, texts, WAYS } from "./comparison.js";
import { Records } from "./records.js";
import { Sandbox } from "./sandbox.js";

/** @import { TransformClass } from "../component/component.js" */
/** @import { Emitted } from "../output.js" */
/** @import { TextArguments } from "./aggregates.js" */

/** A record of the merge: its input, and its row there. @typedef {{ input: number, row: number }} Merged */

/** The frontier that rules nothing out. */
const START = -(2n ** 63n);
const END = 2n ** 63n - 1n;

/**
 * What a transform makes of these inputs, each sealed. Inputs are called `a`, `b`, `c`, ... in expressions.
 *
 * @param {TransformClass} transform
 * @param {TextArguments} args
 * @param {Records[]} inputs
 * @returns {Records}
 */
export function run(transform, args, inputs) {
    const running = new Run(transform, args, inputs);
    running.process(running.merged());
    running.advance(null);
    return running.output;
}

/**
 * Checks the contract on operators: other batches, additional calls of `advance`, and going on from a snapshot all give the same output;
 * and no record comes earlier than what was promised not to.
 *
 * @param {TransformClass} transform
 * @param {TextArguments} args
 * @param {Records[]} inputs
 * @throws {Error} If it does not hold, or the operator fails.
 */
export function checkDeterminism(transform, args, inputs) {
    const expected = rowsOf(run(transform, args, inputs));
    for (let way = 0; way < WAYS; way++) {
        try {
            const found = rowsOf(oneWay(transform, args, inputs, new Chance(way)));
            const first = range(0, Math.max(found.length, expected.length)).find((row) => shown(found[row]) !== shown(expected[row]));
            if (first !== undefined) {
                throw new Error(`in random batches, record ${first} is ${shown(found[first])}, expected ${shown(expected[first])}`);
            }
        } catch (error) {
            throw new Error(`${transform.about.name}, way ${way}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
    }
}

/** @param {Records} records */
function rowsOf(records) {
    const columns = records.columns;
    return range(0, records.rows).map((row) => columns.map((column) => column.get(row)));
}

/**
 * One random way to cut the input, advance and restore.
 *
 * @param {TransformClass} transform
 * @param {TextArguments} args
 * @param {Records[]} inputs
 * @param {Chance} chance
 */
function oneWay(transform, args, inputs, chance) {
    const running = new Run(transform, args, inputs);
    const merged = running.merged();
    for (const [start, end] of chance.cuts(merged.length)) {
        running.process(merged.slice(start, end));
        if (chance.onceIn(2)) {
            const following = merged.slice(end).map(({ input, row }) => inputs[input].times[row]);
            const least = following.length > 0 ? following.reduce((a, b) => (a < b ? a : b)) - BigInt(chance.below(3)) : START;
            // It never goes back, and `null` is for the end.
            running.advance(least > running.frontier ? least : running.frontier);
        }
        if (chance.onceIn(3)) {
            running.restore();
        }
    }
    running.advance(null);
    return running.output;
}

/** A transform at work on some inputs. */
class Run {
    #transform;
    #args;
    #inputs;
    #sandbox = new Sandbox();
    #instance;
    /** Before this nothing more may be emitted, if the output is in time order. */
    #promised = START;
    #ended = false;

    /**
     * @param {TransformClass} transform
     * @param {TextArguments} args
     * @param {Records[]} inputs
     */
    constructor(transform, args, inputs) {
        this.#transform = transform;
        this.#args = args;
        this.#inputs = inputs;
        this.#instance = this.#open();
        this.frontier = START;
        this.output = new Records(this.#instance.opening.schema);
    }

    #open() {
        const made = component("tested", "0.0.0", [this.#transform]);
        const inputs = this.#inputs.map((records, input) => ({ alias: String.fromCharCode(97 + input), schema: records.schema }));
        return this.#sandbox.call(() => new TransformInstance(made, this.#transform.about.name, texts(this.#args), inputs));
    }

    /** Whether the output must be in time order. */
    get #isOrdered() {
        return this.#instance.opening.order === "time";
    }

    /**
     * All records in the order in which the operator wants them.
     *
     * @returns {Merged[]}
     */
    merged() {
        const merged = this.#inputs.flatMap((records, input) => {
            const times = records.times;
            return range(0, records.rows).map((row) => ({ input, row, time: times[row] }));
        });
        return this.#isOrdered ? merged.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)) : merged;
    }

    /** @param {Merged[]} records */
    process(records) {
        const frames = this.#inputs.map((input, index) => input.frame(records.filter((one) => one.input === index).map((one) => one.row)));
        const order = this.#inputs.length === 1 ? [] : records.map((one) => one.input);
        this.#take(this.#sandbox.call(() => this.#instance.process(frames, Uint8Array.from(order))));
    }

    /** @param {bigint | null} frontier */
    advance(frontier) {
        this.#ended = frontier === null;
        this.frontier = frontier ?? this.frontier;
        this.#take(this.#sandbox.call(() => this.#instance.advance(frontier)));
    }

    /** Goes on in a new instance from a snapshot of this one. */
    restore() {
        const chunks = this.#sandbox.call(() => this.#instance.snapshot());
        this.#instance = this.#open();
        this.#sandbox.call(() => this.#instance.restore(this.#transform.stateWritten, chunks));
        equal(this.#sandbox.call(() => this.#instance.snapshot()), chunks, "what was restored is what was saved");
    }

    /**
     * Takes output, and what there is more of it.
     *
     * @param {Emitted} emitted
     */
    #take(emitted) {
        for (;;) {
            const before = this.output.rows;
            this.output.append(Frame.parse(emitted.frame));
            this.#checkOrder(before);
            if (!emitted.more) {
                this.#checkHold(emitted.hold);
                return;
            }
            emitted = this.#sandbox.call(() => this.#instance.advance(this.#ended ? null : this.frontier));
        }
    }

    /**
     * In time order, nothing goes back behind what was emitted or promised.
     *
     * @param {number} before
     */
    #checkOrder(before) {
        if (!this.#isOrdered) {
            return;
        }
        const times = this.output.times;
        for (let row = before; row < times.length; row++) {
            if (row > 0 && times[row] < times[row - 1]) {
                throw new Error(`the output is not in time order: ${times[row]} comes after ${times[row - 1]}`);
            }
            if (times[row] < this.#promised) {
                throw new Error(`a record at ${times[row]} comes after ${this.#promised} was promised`);
            }
        }
    }

    /**
     * What may still be emitted never goes back.
     *
     * @param {bigint | null} hold
     */
    #checkHold(hold) {
        const frontier = this.#ended ? END : this.frontier;
        const promised = hold !== null && hold < frontier ? hold : frontier;
        if (promised < this.#promised) {
            throw new Error(`${promised} is still held though ${this.#promised} was promised`);
        }
        this.#promised = promised;
    }
}
