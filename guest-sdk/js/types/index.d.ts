/**
 * What the author of an operator in JavaScript or TypeScript uses. `docs/operators/javascript.md` is the place to begin.
 *
 * @module
 */
export { ColumnBuilder, columnOf, takeRows } from "./builder.js";
export { Column, eachNumber, eachValue } from "./column.js";
export { component } from "./component/component.js";
export { Aggregate, Fold, foldColumn, foldRows } from "./fold.js";
export { encodeFrame, Frame } from "./frame.js";
export { log, random } from "./host.js";
export { Batch, Inputs } from "./inputs.js";
export { Keyed, keysOf } from "./keyed.js";
export { Output } from "./output.js";
export { parameter } from "./parameter.js";
export { Refusal } from "./refusal.js";
export { findColumn } from "./schema.js";
export { saveStates } from "./state.js";
export { Transform } from "./transform.js";
export type Component = import("./component/component.js").Component;
export type About = import("./fold.js").About;
export type Accumulator = import("./fold.js").Accumulator;
export type Bound = import("./fold.js").Bound;
export type Arguments<P extends Record<string, import("./parameter.js").Parameter<any>>> = import("./parameter.js").Arguments<P>;
export type Field = import("./schema.js").Field;
export type Input = import("./schema.js").Input;
export type Lookback = import("./schema.js").Lookback;
export type Schema = import("./schema.js").Schema;
export type Type = import("./schema.js").Type;
export type Value = import("./schema.js").Value;
export type Opening = import("./transform.js").Opening;
export type Order = import("./transform.js").Order;
/** @typedef {import("./component/component.js").Component} Component */
/** @typedef {import("./fold.js").About} About */
/** @typedef {import("./fold.js").Accumulator} Accumulator */
/** @typedef {import("./fold.js").Bound} Bound */
/**
 * @template {Record<string, import("./parameter.js").Parameter<any>>} P
 * @typedef {import("./parameter.js").Arguments<P>} Arguments
 */
/** @typedef {import("./schema.js").Field} Field */
/** @typedef {import("./schema.js").Input} Input */
/** @typedef {import("./schema.js").Lookback} Lookback */
/** @typedef {import("./schema.js").Schema} Schema */
/** @typedef {import("./schema.js").Type} Type */
/** @typedef {import("./schema.js").Value} Value */
/** @typedef {import("./transform.js").Opening} Opening */
/** @typedef {import("./transform.js").Order} Order */
