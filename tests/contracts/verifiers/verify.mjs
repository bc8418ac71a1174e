// Reads one request as JSON from standard input, and prints what the publisher's own library says.
import { text } from "node:stream/consumers";
import { verify } from "@octokit/webhooks-methods";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";

const { style, secret, body, headers } = JSON.parse(await text(process.stdin));

const verifiers = {
  github: () => verify(secret, body, headers["x-hub-signature-256"]),
  shopify: async () => {
    const shopify = shopifyApi({
      apiKey: "key",
      apiSecretKey: secret,
      apiVersion: Object.values(ApiVersion)[0],
      hostName: "app.example",
      isEmbeddedApp: false,
      logger: { log: () => {} },
    });
    const rawRequest = { method: "POST", url: "/", headers };
    const found = await shopify.webhooks.validate({ rawBody: body, rawRequest });
    return found.valid;
  },
};

console.log(await verifiers[style]());
