/**
 * What an operator must not have, refused where it is called: clocks, timers, true randomness, what depends on the collector. And what
 * engines lack that authors expect: a console, `TextEncoder` and `TextDecoder`.
 *
 * @module
 */

import { log, randomNumber } from "./host.js";
import * as text from "./text.js";

/** @import { Level } from "./host.js" */

const NO_CLOCK = "an operator has no clock: its output depends on records alone; use their event times";
const NO_TIMER = "an operator has no timers: it computes when records or frontiers come";
const NO_CRYPTO = "an operator has no true randomness: use random() of dag-guest, which is the same in every run";
const NO_COLLECTOR = "an operator must not depend on when memory is collected";
const NO_NETWORK = "an operator has no network and no files";

/** Why a global cannot be called. @type {Record<string, string>} */
const REFUSED = {
    setTimeout: NO_TIMER,
    setInterval: NO_TIMER,
    setImmediate: NO_TIMER,
    WeakRef: NO_COLLECTOR,
    FinalizationRegistry: NO_COLLECTOR,
    fetch: NO_NETWORK,
};

/**
 * Puts the guards over an engine's globals.
 *
 * @returns {() => void} Takes them away again.
 */
export function guard() {
    const global = /** @type {any} */ (globalThis);
    /** @type {[any, string, PropertyDescriptor | undefined][]} */
    const before = [];
    const replace = (/** @type {any} */ owner, /** @type {string} */ name, /** @type {unknown} */ value) => {
        before.push([owner, name, Object.getOwnPropertyDescriptor(owner, name)]);
        Object.defineProperty(owner, name, { value, configurable: true, writable: true, enumerable: false });
    };
    Object.entries(REFUSED).forEach(([name, why]) => replace(global, name, refusing(name, why)));
    const guarded = guardedDate(global.Date);
    replace(global.Date.prototype, "constructor", guarded);
    replace(global, "Date", guarded);
    replace(global, "performance", { now: refusing("performance.now", NO_CLOCK) });
    replace(global, "crypto", { getRandomValues: refusing("crypto.getRandomValues", NO_CRYPTO), randomUUID: refusing("crypto.randomUUID", NO_CRYPTO) });
    replace(Math, "random", randomNumber);
    return () => {
        for (const [owner, name, descriptor] of before.reverse()) {
            if (descriptor === undefined) {
                delete owner[name];
            } else {
                Object.defineProperty(owner, name, descriptor);
            }
        }
    };
}

/** Supplies a console that writes to the node's log, and the text codecs where the engine has none. */
export function supply() {
    const global = /** @type {any} */ (globalThis);
    const line = (/** @type {Level} */ level) => (/** @type {unknown[]} */ ...parts) => log(level, parts.map(shown).join(" "));
    global.console = { debug: line("debug"), trace: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };
    global.TextEncoder ??= class {
        encoding = "utf-8";
        encode(/** @type {string} */ given = "") {
            return text.encode(given);
        }
    };
    global.TextDecoder ??= class {
        encoding = "utf-8";
        constructor(/** @type {string} */ label = "utf-8") {
            if (!/^utf-?8$/i.test(label)) {
                throw new RangeError(`text can be decoded as utf-8, not as ${label}`);
            }
        }
        decode(/** @type {Uint8Array} */ bytes = new Uint8Array(0)) {
            return text.decode(bytes, 0, bytes.length);
        }
    };
}

/**
 * @param {string} name
 * @param {string} why
 */
function refusing(name, why) {
    return function () {
        throw new Error(`${name}: ${why}`);
    };
}

/**
 * A `Date` of given times only.
 *
 * @param {DateConstructor} Real
 */
function guardedDate(Real) {
    const now = refusing("Date", NO_CLOCK);
    return new Proxy(Real, {
        apply: now,
        construct: (target, given, derived) => (given.length === 0 ? now() : Reflect.construct(target, given, derived)),
        get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    });
}

/** @param {unknown} value */
function shown(value) {
    if (typeof value === "string" || value instanceof Error) {
        return String(value);
    }
    try {
        return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? String(value);
    } catch {
        return String(value);
    }
}
