import { join } from "node:path";
import ts from "typescript";
import { apiModules } from "./kubernetes-kinds.ts";
import { nameOf, type Manifest } from "./manifests.ts";

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2024,
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
};

/**
 * Returns unknown fields and values of a wrong type, according to the TypeScript declarations of the kinds. The schemas
 * cannot find them: like the API server, they allow unknown fields.
 */
export function unknownFields(manifests: readonly Manifest[]): string[] {
  const file = join(import.meta.dirname, "rendered-manifests.ts");
  const program = ts.createProgram([file], compilerOptions, hostWith(file, manifests.map(asConstant).join("\n")));
  const source = program.getSourceFile(file)!;
  return program.getSemanticDiagnostics(source).map(({ start = 0, messageText }) => {
    const manifest = manifests[source.statements.findIndex((statement) => start < statement.getEnd())]!;
    return `${nameOf(manifest)}${pathAt(source, start)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

function asConstant(manifest: Manifest, index: number): string {
  const { specifier } = apiModules[manifest.apiVersion] ?? { specifier: manifest.apiVersion };
  return `export const m${index}: import("${specifier}").I${manifest.kind} = ${JSON.stringify(manifest)};`;
}

function hostWith(file: string, text: string): ts.CompilerHost {
  const host = ts.createCompilerHost(compilerOptions);
  return {
    ...host,
    getSourceFile: (name, ...rest) =>
      name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2024, true) : host.getSourceFile(name, ...rest),
    fileExists: (name) => name === file || host.fileExists(name),
    readFile: (name) => (name === file ? text : host.readFile(name)),
  };
}

/** Returns the fields that lead to a position, such as .spec.template.spec.containers[0].image. */
function pathAt(source: ts.SourceFile, position: number): string {
  let path = "";
  const visit = (node: ts.Node): void => {
    if (position < node.getStart(source) || position >= node.getEnd()) return;
    if (ts.isPropertyAssignment(node) && ts.isStringLiteral(node.name)) path += `.${node.name.text}`;
    if (ts.isArrayLiteralExpression(node)) {
      path += `[${node.elements.findIndex((element) => position < element.getEnd())}]`;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return path;
}
