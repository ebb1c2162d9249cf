/**
 * Aggregates in tests.
 *
 * @module
 */

import { columnOf, takeRows } from "../builder.js";
import { AggregateInstance } from "../component/aggregates.js";
import { component } from "../component/component.js";
import { encodeFrame, Frame } from "../frame.js";
import { Chance } from "./chance.js";
import { equal, range, texts, WAYS } from "./comparison.js";
import { Sandbox } from "./sandbox.js";

/** @import { Column } from "../column.js" */
/** @import { AggregateClass } from "../component/component.js" */
/** @import { Records } from "./records.js" */

/** @typedef {Record<string, string>} TextArguments Canonical text by name; those that are missing have their defaults. */

/**
 * What an aggregate makes of these records in one window.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @returns {any} `null` where there is no result.
 */
export function fold(aggregate, args, records) {
    const run = new Run(aggregate, args, records);
    run.update(range(0, records.rows), range(0, records.rows).map(() => 0));
    return run.finish([0]).get(0);
}

/**
 * What an aggregate makes of these records in a running window: the result after each.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @returns {any[]}
 */
export function scan(aggregate, args, records) {
    const run = new Run(aggregate, args, records);
    return run.scan(range(0, records.rows), range(0, records.rows).map(() => 0)).toArray();
}

/**
 * Checks what every aggregate promises, over random slots: other batches give the same; a running result's last is the window's; a
 * state that was saved and merged into an empty slot goes on as if nothing had been; combining two slots gives what their values would
 * have given one after the other (doubles within 1e-9); a cleared slot is empty.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @throws {Error} If it does not hold, or the operator fails.
 */
export function checkFold(aggregate, args, records) {
    for (let way = 0; way < WAYS; way++) {
        try {
            oneWay(aggregate, args, records, new Chance(way));
        } catch (error) {
            throw new Error(`${aggregate.about.name}, way ${way}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
    }
}

/**
 * One random way to spread the records over slots and to cut them.
 *
 * @param {AggregateClass} aggregate
 * @param {TextArguments} args
 * @param {Records} records
 * @param {Chance} chance
 */
function oneWay(aggregate, args, records, chance) {
    const count = 1 + chance.below(4);
    const slots = range(0, records.rows).map(() => chance.below(count));
    const every = range(0, count);
    const all = range(0, records.rows);

    const whole = new Run(aggregate, args, records);
    whole.update(all, slots);
    const expected = whole.finish(every).toArray();

    let cut = new Run(aggregate, args, records);
    for (const [start, end] of chance.cuts(records.rows)) {
        cut.update(range(start, end), slots.slice(start, end));
        if (chance.onceIn(3)) {
            const restored = new Run(aggregate, args, records);
            restored.merge(every, cut.state(every));
            cut = restored;
        }
    }
    equal(cut.finish(every).toArray(), expected, "in other batches, from a saved state");

    const running = new Run(aggregate, args, records);
    /** @type {any[]} */
    const last = every.map(() => null);
    for (const [start, end] of chance.cuts(records.rows)) {
        const results = running.scan(range(start, end), slots.slice(start, end)).toArray();
        slots.slice(start, end).forEach((slot, row) => (last[slot] = results[row]));
    }
    equal(last, expected, "running");

    const half = chance.below(records.rows + 1);
    const halves = new Run(aggregate, args, records);
    halves.update(all, slots.map((slot, row) => (row < half ? slot : slot + count)));
    const froms = every.map((slot) => slot + count);
    const untouched = halves.finish(froms).toArray();
    halves.combine(every, froms);
    equal(halves.finish(every).toArray(), expected, "combined", 1e-9);
    equal(halves.finish(froms).toArray(), untouched, "leaves what it combines from");

    halves.clear(every);
    equal(halves.finish(every).toArray(), new Run(aggregate, args, records).finish(every).toArray(), "after clear");
}

/** A bound aggregate at work on some records. */
class Run {
    #records;
    #sandbox = new Sandbox();
    #instance;

    /**
     * @param {AggregateClass} aggregate
     * @param {TextArguments} args
     * @param {Records} records
     */
    constructor(aggregate, args, records) {
        this.#records = records;
        const made = component("tested", "0.0.0", [aggregate]);
        this.#instance = this.#sandbox.call(() => new AggregateInstance(made, aggregate.about.name, texts(args), records.schema));
    }

    /**
     * @param {number[]} rows
     * @param {number[]} slots
     */
    update(rows, slots) {
        const frame = this.#frame(rows, slots);
        this.#sandbox.call(() => this.#instance.update(frame));
    }

    /**
     * @param {number[]} rows
     * @param {number[]} slots
     */
    scan(rows, slots) {
        const frame = this.#frame(rows, slots);
        return this.#results(this.#sandbox.call(() => this.#instance.scan(frame)), rows.length);
    }

    /** @param {number[]} slots */
    finish(slots) {
        return this.#results(this.#sandbox.call(() => this.#instance.finish(slotsFrame(slots))), slots.length);
    }

    /**
     * @param {number[]} into
     * @param {number[]} from
     */
    combine(into, from) {
        this.#sandbox.call(() => this.#instance.combine(slotsFrame(into, from)));
    }

    /** @param {number[]} slots */
    clear(slots) {
        this.#sandbox.call(() => this.#instance.clear(slotsFrame(slots)));
    }

    /** @param {number[]} slots */
    state(slots) {
        const frame = Frame.parse(this.#sandbox.call(() => this.#instance.state(slotsFrame(slots))));
        equal(frame.rows, slots.length, "one row of state per slot");
        return frame.columns;
    }

    /**
     * @param {number[]} slots
     * @param {Column[]} states
     */
    merge(slots, states) {
        const frame = encodeFrame(slots.length, [slotColumn(slots), ...states]);
        this.#sandbox.call(() => this.#instance.merge(frame));
    }

    /**
     * Rows of the bound columns, behind their slots and times.
     *
     * @param {number[]} rows
     * @param {number[]} slots
     */
    #frame(rows, slots) {
        const all = this.#records.columns;
        const bound = [0, ...this.#instance.binding.columns.map((column) => column + 1)].map((column) => all[column]);
        return encodeFrame(rows.length, [slotColumn(slots), ...takeRows(bound, rows)]);
    }

    /**
     * The one column of a frame of results.
     *
     * @param {Uint8Array} bytes
     * @param {number} rows
     */
    #results(bytes, rows) {
        const frame = Frame.parse(bytes);
        equal(frame.columns.map((column) => [column.type, column.length]), [[this.#instance.binding.result, rows]], "the results' type and number");
        return frame.columns[0];
    }
}

/** @param {number[]} slots */
function slotColumn(slots) {
    return columnOf("int64", slots.map(BigInt));
}

/** @param {number[][]} columns */
function slotsFrame(...columns) {
    return encodeFrame(columns[0].length, columns.map(slotColumn));
}
