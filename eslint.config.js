import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** One file, one purpose: a file that outgrows this has two. Blank lines and comments are free. */
const fileLength = ["error", { max: 400, skipBlankLines: true, skipComments: true }];

export default defineConfig(
  globalIgnores(["node_modules/", "dist/", "build/", "prebuilds/", "coverage/"]),
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports", disallowTypeAnnotations: false }],
      // The operator table holds Math's functions, which never look at `this`.
      "@typescript-eslint/unbound-method": "off",
      // Lanes, hashes and generated text put numbers into templates on purpose.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // What was caught is thrown on, and its type is never known.
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      // async also makes a rejection of what is thrown.
      "@typescript-eslint/require-await": "off",
      // It looks at each expression alone, and then the assertion it removes was what typed the argument of a generic call.
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      "no-undef": "off",
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    // Every enum is a union here and every class an environment's state; `any` hides both.
    files: ["fusion/**/*.ts", "src/**/*.ts"],
    rules: {
      "max-lines": fileLength,
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Use a union of literals." },
        { selector: "TSModuleDeclaration[kind='namespace']", message: "Use a module." },
      ],
    },
  },
  {
    // Tests hand the library what types forbid, and spell lambdas in ways that only their text matters.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-empty-function": "off",
      "no-empty": "off",
      "prefer-const": "off",
      "no-regex-spaces": "off",
      "@typescript-eslint/no-base-to-string": "off",
    },
  },
  {
    files: ["examples/**/*.ts", "test/bench/**/*.ts", "scripts/**/*.mjs"],
    rules: { "no-console": "off" },
  },
  {
    files: ["**/*.mjs", "**/*.cjs", "**/*.js"],
    languageOptions: {
      globals: { process: "readonly", console: "readonly", Buffer: "readonly", URL: "readonly", performance: "readonly", setTimeout: "readonly", module: "writable" },
    },
  },
);
