/** Which way imports may go: src → fusion, and fusion needs nothing but the language, acorn and astring. */
module.exports = {
  forbidden: [
    {
      name: "no-circular",
      comment: "Two files that need each other when they load are one file. (Types are gone by then: a part may name its whole's type.)",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "fusion-never-imports-src",
      comment: "The compiler knows nothing of the runtime.",
      severity: "error",
      from: { path: "^fusion/" },
      to: { path: "^(src|test|examples|scripts)/" },
    },
    {
      name: "fusion-is-pure",
      comment: "Data and text in, data and text out, so that the compiler also runs in a browser.",
      severity: "error",
      from: { path: "^fusion/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "fusion-needs-only-its-parser-and-printer",
      severity: "error",
      from: { path: "^fusion/" },
      to: { path: "node_modules", pathNot: "node_modules/(acorn|astring|@types/estree)/" },
    },
    {
      name: "src-is-shipped",
      comment: "What is published imports nothing that is not.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|examples|scripts)/" },
    },
    {
      name: "no-dev-dependencies",
      comment: "But for the parser and the printer, which are bundled.",
      severity: "error",
      from: { path: "^(src|fusion)/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], pathNot: "node_modules/(acorn|astring|@types)/" },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node", "default"] },
  },
};
