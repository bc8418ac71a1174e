// A program of a user of the API. It is compiled against the types that are generated from
// /openapi.json, then run. Where it says `@ts-expect-error`, the types must refuse the next line.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [, , baseUrl = "", key = "", tenant_id = "", receiver = ""] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const params = { path: { tenant_id } };

function must<Data>(answer: { data?: Data; error?: unknown }): Data {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

// What the caller need not say has a default, so a URL is enough.
const created = must(
  await client.POST("/v1/tenants/{tenant_id}/endpoints", {
    params,
    body: { url: receiver, event_types: ["orders/*"] },
  }),
);
const secret: string = created.secret;

const endpoint = { params: { path: { tenant_id, endpoint_id: created.id } } };
const changed: components["schemas"]["EndpointRead"] = must(
  await client.PATCH("/v1/tenants/{tenant_id}/endpoints/{endpoint_id}", {
    ...endpoint,
    body: { description: "Accounting" },
  }),
);

const event = { params, body: { id: "evt_1", type: "orders/create", data: { n: 1 } } };
const first = must(await client.POST("/v1/tenants/{tenant_id}/events", event));
const again = must(await client.POST("/v1/tenants/{tenant_id}/events", event));

const batch = must(
  await client.POST("/v1/tenants/{tenant_id}/events/batch", {
    params,
    body: { events: [{ type: "orders/create", data: [1, null, "a"] }, 7] },
  }),
);

const missing = await client.GET("/v1/tenants/{tenant_id}/events/{event_id}", {
  params: { path: { tenant_id, event_id: "none" } },
});
const problem = missing.error;
const status: number | undefined = problem && "status" in problem ? problem.status : undefined;

const list = must(
  await client.GET("/v1/tenants/{tenant_id}/endpoints", {
    params: { ...params, query: { limit: 1 } },
  }),
);
const ids: string[] = list.data.map((each) => each.id);

// Never called: each of these lines is an error.
export async function refused(): Promise<void> {
  // @ts-expect-error A URL is required.
  await client.POST("/v1/tenants/{tenant_id}/endpoints", { params, body: {} });
  // @ts-expect-error A URL is text.
  await client.POST("/v1/tenants/{tenant_id}/endpoints", { params, body: { url: 7 } });
  // @ts-expect-error There is no such field.
  await client.POST("/v1/tenants/{tenant_id}/events", { params, body: { typ: "a", data: 1 } });
  // @ts-expect-error There is no such route.
  await client.GET("/v1/tenants/{tenant_id}/hooks", { params });
  // @ts-expect-error The answer has no such field.
  void changed.urls;
  // @ts-expect-error Only the answer to a creation and to a rotation has the secret.
  void changed.secret;
  // @ts-expect-error A limit is a number.
  await client.GET("/v1/tenants/{tenant_id}/endpoints", { params: { ...params, query: { limit: "x" } } });
}

console.log(
  JSON.stringify({
    changed: [changed.description, changed.event_types],
    duplicates: [first.duplicate, again.duplicate],
    statuses: batch.results.map((each) => each.status),
    secret: secret.startsWith("whsec_"),
    problem: status,
    listed: ids.length === 1 && ids[0] === created.id,
  }),
);
