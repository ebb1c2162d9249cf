/**
 * A component's exports, for each engine.
 *
 * @module
 */

import { guard, supply } from "../guards.js";
import { setHost } from "../host.js";
import { describeError } from "../refusal.js";
import { AggregateInstance } from "./aggregates.js";
import { describe } from "./component.js";
import { TransformInstance } from "./transforms.js";

/** @import { Level } from "../host.js" */
/** @import { Emitted } from "../output.js" */
/** @import { Lookback, Schema } from "../schema.js" */
/** @import { Component } from "./component.js" */

/**
 * `dag:operator/host` as engines import it. QuickJS gives 64 bits as a number, and so rounds them.
 *
 * @typedef {{ log: (level: Level, message: string) => void, random: () => bigint | number }} ImportedHost
 */

/** A schema as the world has it. @typedef {{ name: string, ty: any }[]} WorldSchema */

/**
 * The exports for SpiderMonkey, which passes on all that the world says.
 *
 * @param {Component} component
 * @param {ImportedHost} host
 */
export function serve(component, host) {
    prepare(host);
    const aggregating = aggregatingOf(component, (number) => number);
    const transforming = transformingOf(component, (number) => number);
    return { aggregating, transforming };
}

/**
 * The exports for QuickJS, which passes 64-bit integers as numbers: the packages `wit/quickjs.wit` says how they come and go.
 *
 * @param {Component} component
 * @param {ImportedHost} host
 */
export function serveQuickjs(component, host) {
    prepare(host);
    let last = 0n;
    const keep = (/** @type {bigint} */ number) => {
        last = number;
        return 0;
    };
    const halves = { low: () => Number(BigInt.asIntN(32, last)), high: () => Number(BigInt.asIntN(32, last >> 32n)) };
    const transforming = transformingOf(component, keep);
    const advance = (/** @type {boolean} */ isSome, /** @type {number} */ low, /** @type {number} */ high) =>
        transforming.advance(isSome ? (BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(low)) : undefined);
    return { aggregating: { ...aggregatingOf(component, keep), ...halves }, transforming: { ...transforming, advance, ...halves } };
}

/** @param {ImportedHost} host */
function prepare(host) {
    // The upper halves of two draws: what comes of rounding is the same in both engines.
    const half = () => BigInt(Math.min(Math.floor(Number(host.random()) / 2 ** 32), 2 ** 32 - 1));
    setHost({ log: host.log, random: () => (half() << 32n) | half() });
    supply();
    guard();
}

/**
 * @param {Component} component
 * @param {(number: bigint) => bigint | number} pass How a 64-bit number is returned.
 */
function aggregatingOf(component, pass) {
    /** @type {AggregateInstance | undefined} */
    let bound;
    const instance = () => bound ?? missing("bind");
    return {
        describe: () => describe(component, true),
        bind: throwingText((/** @type {string} */ operator, /** @type {any} */ given, /** @type {WorldSchema} */ schema) => {
            bound = new AggregateInstance(component, operator, given, schemaOf(schema));
            const { result, columns, lookback } = bound.binding;
            return { result, columns, lookback: lookbackOf(lookback, pass) };
        }),
        update: throwingText((/** @type {Uint8Array} */ frame) => instance().update(frame)),
        combine: throwingText((/** @type {Uint8Array} */ frame) => instance().combine(frame)),
        state: throwingText((/** @type {Uint8Array} */ frame) => instance().state(frame)),
        merge: throwingText((/** @type {Uint8Array} */ frame) => instance().merge(frame)),
        scan: throwingText((/** @type {Uint8Array} */ frame) => instance().scan(frame)),
        finish: throwingText((/** @type {Uint8Array} */ frame) => instance().finish(frame)),
        clear: throwingText((/** @type {Uint8Array} */ frame) => instance().clear(frame)),
    };
}

/**
 * @param {Component} component
 * @param {(number: bigint) => bigint | number} pass
 */
function transformingOf(component, pass) {
    /** @type {TransformInstance | undefined} */
    let opened;
    const instance = () => opened ?? missing("open");
    const output = (/** @type {Emitted} */ { frame, hold, more }) => ({ frame, hold: hold === null ? undefined : pass(hold), more });
    return {
        describe: () => describe(component, false),
        open: throwingText((/** @type {string} */ operator, /** @type {any} */ given, /** @type {any[]} */ inputs) => {
            const own = inputs.map(({ alias, schema }) => ({ alias, schema: schemaOf(schema) }));
            opened = new TransformInstance(component, operator, given, own);
            const { schema, order, lookback } = opened.opening;
            return { schema: schema.map(({ name, type }) => ({ name, ty: type })), order, lookback: lookbackOf(lookback, pass) };
        }),
        process: throwingText((/** @type {Uint8Array[]} */ frames, /** @type {Uint8Array} */ order) => output(instance().process(frames, order))),
        advance: throwingText((/** @type {bigint | undefined} */ frontier) => output(instance().advance(frontier ?? null))),
        snapshot: throwingText(() => instance().snapshot()),
        restore: throwingText((/** @type {number} */ version, /** @type {Uint8Array[]} */ chunks) => instance().restore(version, chunks)),
    };
}

/**
 * Both engines make the error of a result of a text that is thrown; what else is thrown may end the instance.
 *
 * @template {(...args: any[]) => any} F
 * @param {F} call
 * @returns {F}
 */
function throwingText(call) {
    return /** @type {F} */ (
        (...args) => {
            try {
                return call(...args);
            } catch (error) {
                throw describeError(error);
            }
        }
    );
}

/**
 * @param {string} call
 * @returns {never}
 */
function missing(call) {
    throw new Error(`${call} was not called`);
}

/**
 * @param {WorldSchema} schema
 * @returns {Schema}
 */
function schemaOf(schema) {
    return schema.map(({ name, ty }) => ({ name, type: ty }));
}

/**
 * @param {Lookback} lookback
 * @param {(number: bigint) => bigint | number} pass
 */
function lookbackOf(lookback, pass) {
    return typeof lookback === "bigint" ? { tag: "duration", val: pass(lookback) } : { tag: lookback };
}
