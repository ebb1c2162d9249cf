// What all that is hostile shares: how it says what it is, where the script that builds it puts `DESCRIBING` before: the way in which that goes wrong, or nothing.

import { log } from "dag:operator/host@0.1.0";

function described(names, argument) {
    const parameter = (name) => ({ name, kind: "integer", required: false, positional: false, repeated: false, default: undefined, doc: "" });
    const signature = (name, parameters = 0, doc = "Misbehaves.") => ({
        name, doc, example: `${name}(${argument})`, minInputs: 1, maxInputs: 1,
        parameters: Array.from({ length: parameters }, (_, number) => parameter(`p${number}`)), key: undefined, stateWritten: 1, stateRead: [1],
    });
    const describing = (operators) => ({ name: DESCRIBING === "" ? "hostile-js" : "describing", version: "1.0.0", operators });
    switch (DESCRIBING) {
        case "loops": loops();
        case "traps": throw new Error("it cannot say what it is");
        case "hoards": hoards();
        case "chatters": chatters();
        // Of each kind half.
        case "operators": return describing(Array.from({ length: 150 }, (_, number) => signature(`${names[0]}${number}`)));
        case "parameters": return describing([signature(names[0], 33)]);
        case "docs": return describing([signature(names[0], 0, "x".repeat(2 << 20))]);
        default: return describing(names.map((name) => signature(name)));
    }
}

function loops() {
    for (;;);
}

function hoards() {
    for (const hoard = []; ;) hoard.push(new Uint8Array(1 << 20).fill(1));
}

function chatters() {
    for (;;) log("info", "and another thing");
}
