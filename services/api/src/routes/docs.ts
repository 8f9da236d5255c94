import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument, ProblemError, problems, type Problem, type ProblemCode } from "@confab/contracts";
import express, { Router } from "express";

const assets = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
const swaggerUi = { url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true };

export interface DocsOptions {
  readonly publicUrl: string;
  readonly version: string;
}

/** The API's description, its page and a page for each problem: outside the route table, since they describe it. */
export function createDocsRoutes({ publicUrl, version }: DocsOptions): Router {
  const document = openApiDocument({ publicUrl, version });
  const router = Router();

  router.get("/openapi.json", (_req, res) => {
    res.json(document);
  });
  // Swagger UI as it is, and from here: the page works without the Internet.
  router.get("/docs/swagger-initializer.js", (_req, res) => {
    res.type("js").send(`window.onload = () => SwaggerUIBundle(${JSON.stringify(swaggerUi)});`);
  });
  router.use("/docs", express.static(assets));
  router.get("/problems", (_req, res) => {
    res.type("html").send(page("Problems", listOf(Object.entries(problems))));
  });
  router.get("/problems/:code", (req, res) => {
    const { code } = req.params;
    if (!isCode(code)) throw new ProblemError("problem-not-found");
    const { title, status, meaning } = problems[code];
    res
      .type("html")
      .send(
        page(
          title,
          `<p>Status ${status}, code <code>${code}</code>.</p><p>${escape(meaning)}</p><p><a href="/problems">All problems</a></p>`,
        ),
      );
  });
  return router;
}

function isCode(code: string): code is ProblemCode {
  return Object.hasOwn(problems, code);
}

function listOf(entries: [string, Problem][]): string {
  const rows = entries.map(
    ([code, { status, title }]) =>
      `<li><a href="/problems/${code}"><code>${code}</code></a> ${status} ${escape(title)}</li>`,
  );
  return `<p>Errors are <a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a> problems.</p><ul>${rows.join("")}</ul>`;
}

function page(title: string, content: string): string {
  const style = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}";
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)} · Confab</title><style>${style}</style><h1>${escape(title)}</h1>${content}</html>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
