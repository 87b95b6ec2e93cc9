/** The page of the API: every route of openapi.json, what it takes and answers. */

import "./api_page.css";
import { byId, el } from "./dom";

interface Schema {
  $ref?: string;
  [more: string]: unknown;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: Schema }> }>;
}

interface OpenApi {
  info: { title: string; version: string; summary?: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** A schema as text, with what it refers to written out once. */
function written(schema: Schema, api: OpenApi, depth = 0): unknown {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    const found = api.components.schemas[name];
    return found && depth < 4 ? { ...(written(found, api, depth + 1) as object) } : name;
  }
  if (Array.isArray(schema)) return schema.map((each) => written(each as Schema, api, depth));
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== "title")
      .map(([key, value]) => [key, value !== null && typeof value === "object" ? written(value as Schema, api, depth) : value]),
  );
}

function block(title: string, schema: Schema | undefined, api: OpenApi): HTMLElement | null {
  if (!schema || Object.keys(schema).length === 0) return null;
  return el("details", {}, el("summary", {}, title), el("pre", { tabindex: "0" }, JSON.stringify(written(schema, api), null, 2)));
}

function route(path: string, method: string, operation: Operation, api: OpenApi): HTMLElement {
  const parameters = (operation.parameters ?? []).map((each) =>
    el("li", {}, el("code", {}, each.name), ` (${each.in}${each.required ? "" : ", optional"}) ${each.description ?? ""}`),
  );
  const [bodyType, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const answers = Object.entries(operation.responses).flatMap(([status, answer]) =>
    Object.entries(answer.content ?? { "no content": {} }).map(([type, content]) => block(`${status} ${type}`, content.schema, api) ?? el("p", {}, `${status} ${type}`)),
  );
  return el(
    "article",
    {},
    el("h3", {}, el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, path)),
    el("p", {}, operation.description ?? operation.summary ?? ""),
    parameters.length ? el("ul", {}, ...parameters) : null,
    block(`Body (${bodyType ?? ""})`, body?.schema, api),
    ...answers,
  );
}

function page(api: OpenApi): HTMLElement[] {
  const groups = new Map<string, HTMLElement[]>();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), route(path, method, operation, api)]);
    }
  }
  return [
    el("h1", {}, `${api.info.title} ${api.info.version}: API`),
    el("p", {}, `${api.info.summary ?? ""}. The same as `, el("a", { href: "/api/v1/openapi.json" }, "openapi.json"), ". Failures are problem+json."),
    ...[...groups].map(([tag, routes]) => el("section", {}, el("h2", {}, tag), ...routes)),
  ];
}

const answer = await fetch("/api/v1/openapi.json");
byId("api").replaceChildren(...page((await answer.json()) as OpenApi));
