import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument, ProblemError, problems, type Problem, type ProblemCode } from "@confab/contracts";
import { createRouter } from "@confab/http";
import express, { type RequestHandler, type Router } from "express";
import helmet from "helmet";

const assets = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
const swaggerUi = { url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true };
const index = { documentation: "/docs/", openapi: "/openapi.json", problems: "/problems" };
/** The files of Swagger UI keep their names, and change only with its version. */
const assetMaxAge = "1h";

export interface DocsOptions {
  readonly publicUrl: string;
  readonly version: string;
}

/**
 * Creates the pages for people: the API's description and a page per problem. These pages are not in the route table,
 * because they describe it.
 */
export function createDocsRoutes({ publicUrl, version }: DocsOptions): Router {
  const router = createRouter();
  const document = JSON.stringify(openApiDocument({ publicUrl, version }));
  const swaggerPage = pageOfSwaggerUi();

  router.get("/", (req, res) => {
    res.vary("Accept");
    if (req.accepts(["json", "html"]) === "html") res.redirect("/docs/");
    else res.json(index);
  });
  router.get("/openapi.json", (_req, res) => {
    res.set("Cache-Control", "no-cache").type("json").send(document);
  });
  // Browsers request the icon for every page, and for every JSON document that they show.
  router.get("/favicon.ico", (_req, res) => {
    res.sendFile("favicon-32x32.png", { root: assets, maxAge: assetMaxAge });
  });
  router.use(["/docs", "/problems"], pageHeaders(publicUrl));
  // Serves Swagger UI from this process, so that the page works without the Internet.
  router.get("/docs/", (_req, res) => {
    res.type("html").send(swaggerPage);
  });
  router.get("/docs/swagger-initializer.js", (_req, res) => {
    res.type("js").send(`${followColorScheme}window.onload = () => SwaggerUIBundle(${JSON.stringify(swaggerUi)});`);
  });
  router.use("/docs", express.static(assets, { index: false, maxAge: assetMaxAge }));
  router.get("/problems", (_req, res) => {
    res.type("html").send(page("Problems", listOf(Object.entries(problems))));
  });
  router.get("/problems/:code", (req, res) => {
    const { code } = req.params;
    if (!isCode(code)) throw new ProblemError("problem-not-found");
    const { title, status, meaning } = problems[code];
    const content = `<p>Status ${status}, code <code>${code}</code>.</p><p>${escape(meaning)}</p>`;
    res.type("html").send(page(title, `${content}<p><a href="/problems">All problems</a></p>`));
  });
  return router;
}

/** Returns a handler that sets security headers for browsers. JSON answers do not need these headers. */
function pageHeaders(publicUrl: string): RequestHandler {
  // On plain HTTP, browsers ignore the first header, and the second one would prevent them from loading the page.
  return helmet(
    publicUrl.startsWith("https:")
      ? {}
      : { strictTransportSecurity: false, contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } },
  );
}

/** Returns Swagger UI's own page with a title, a viewport for phones and links to the other pages. */
function pageOfSwaggerUi(): string {
  const links =
    '<p style="font-family:sans-serif;margin:1rem auto;max-width:1460px;padding:0 20px"><a href="/problems">Problems</a> · <a href="/openapi.json">OpenAPI document</a></p>';
  return readFileSync(join(assets, "index.html"), "utf8")
    .replace("<title>Swagger UI</title>", `<title>API · Confab</title>${viewport}<style>${narrow}${darkColors}</style>`)
    .replace(/<body[^>]*>/, (body) => `${body}${links}`);
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

/** On a phone, wide parts of an operation scroll separately. */
const narrow =
  ".swagger-ui .opblock-body{overflow-x:auto}@media(max-width:640px){.swagger-ui .opblock-summary-path{overflow-wrap:anywhere}}";

/** Swagger UI has dark colours, but does not select them automatically. */
const followColorScheme =
  'const dark = matchMedia("(prefers-color-scheme: dark)");const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);dark.addEventListener("change", follow);follow();';

const darkColors = "html.dark-mode body{background:#1c2022;color:#e4e6e6}html.dark-mode body>p a{color:#8ab4f8}";

const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">';

function page(title: string, content: string): string {
  const style =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}";
  const back = '<p><a href="/docs/">API documentation</a></p>';
  return `<!doctype html><html lang="en"><meta charset="utf-8">${viewport}<title>${escape(title)} · Confab</title><style>${style}</style><h1>${escape(title)}</h1>${content}${back}</html>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
