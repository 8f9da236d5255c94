import prettier from "eslint-config-prettier";
import mocha from "eslint-plugin-mocha";
import node from "eslint-plugin-n";
import tseslint from "typescript-eslint";

const literalSpreads = ["ObjectExpression", "ArrayExpression"].map((literal) => ({
  selector: `SpreadElement > ${literal}.argument`,
  message: "Write the elements of a literal where they belong.",
}));

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "coverage/**", ".confab/**", "packages/database/src/generated/**"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { n: node },
    rules: {
      "n/prefer-node-protocol": "error",
      "n/no-process-exit": "error",
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // With noUncheckedIndexedAccess, `!` is how one says that an index is known to be there.
      "@typescript-eslint/no-non-null-assertion": "off",
      "no-console": "error",
      // One style for each choice that TypeScript leaves open.
      "@typescript-eslint/no-import-type-side-effects": "error",
      "no-duplicate-imports": "error",
      "@typescript-eslint/naming-convention": [
        "error",
        { selector: "variable", modifiers: ["global"], format: ["camelCase"], leadingUnderscore: "allow" },
      ],
      "no-restricted-syntax": ["error", ...literalSpreads],
    },
  },
  {
    files: ["packages/*/src/**", "services/*/src/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...literalSpreads,
        {
          selector:
            "TSInterfaceDeclaration[id.name=/Options$/] > TSInterfaceBody > TSPropertySignature[readonly!=true]",
          message: "Options do not change: make the field readonly.",
        },
        {
          selector:
            "AssignmentExpression[left.type='MemberExpression'] > .right:matches(ArrowFunctionExpression, FunctionExpression)",
          message:
            "V8 creates a function that is assigned to a property in the old generation, where it keeps all that it refers to until the next full collection. Give it a name first.",
        },
      ],
    },
  },
  {
    files: ["packages/config/src/**"],
    // A schema takes variables by their names.
    rules: { "@typescript-eslint/naming-convention": "off" },
  },
  { files: ["**/*.js", "**/*.cjs"], ...tseslint.configs.disableTypeChecked },
  {
    files: ["**/*.test.ts"],
    plugins: { mocha },
    rules: {
      "mocha/no-exclusive-tests": "error",
      "mocha/no-pending-tests": "error",
      "mocha/no-identical-title": "error",
      "@typescript-eslint/no-unused-expressions": "off",
    },
  },
  {
    files: [
      "packages/{cli,local}/src/**",
      "packages/local/test/**",
      "k8s-dev/**",
      "bench/**",
      "packages/generate/test/faults/**",
    ],
    rules: { "no-console": "off" },
  },
  prettier,
);
