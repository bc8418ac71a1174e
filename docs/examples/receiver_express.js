// A receiver in Express for the contract `standard`, with the library of Standard Webhooks.
//
// npm ci && WEBHOOK_SECRET=whsec_... PORT=8100 node receiver_express.js

import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // a real receiver keeps it in its database

// express.raw keeps the body as it arrived; express.json would give it parsed.
const app = express();
app.post("/hooks", express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch (error) {
    return response.status(401).send(error.message);
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) { // delivery is at least once
    handle(event);
    seen.add(id);
  }
  response.status(204).end();
});
app.listen(Number(process.env.PORT), "127.0.0.1");

// Do what is to be done, or put it into a queue: the answer should not wait for it.
function handle(event) {}
