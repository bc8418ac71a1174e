// A receiver as the published documents write theirs: `node receiver.mjs <contract> <port>`, the
// secret in the environment. Writes its port on a line, then a line of JSON for each request.
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const [contract, port] = process.argv.slice(2);
const secret = process.env.WEBHOOK_SECRET;
const document = (name) => new URL(`published/${name}`, import.meta.url);
const printed = (name) => readFileSync(document(name), 'utf8');
const require = createRequire(import.meta.url);

// As much of Express as the documents use: a body is parsed as JSON unless it is asked for raw.
let handle, parse = (bytes) => JSON.parse(bytes.toString());
globalThis.app = {
  post(_path, ...steps) {
    handle = steps.pop();
    parse = steps[0] ?? parse;
  },
};
globalThis.express = { raw: () => (bytes) => bytes };
globalThis.handleWebhookEvent = () => {};
globalThis.console = new console.Console(process.stderr);

// A document that prints a function, or some lines, gets the handler around it that its text names.
const functionOf = (name, text) => new Function('require', `${text}\nreturn ${name};`)(require);
const handlers = {
  reflow: () => import(document('reflow.js')),
  clearway: () => import(document('clearway.ts')),
  plain() {
    const lines = new Function('req', 'res', 'secret', 'crypto', printed('plain.js'));
    app.post('/', (req, res) => lines(req, res, secret, crypto));
  },
  cr3dentials() {
    const verify = functionOf('verifyWebhookSignature', printed('cr3dentials.js'));
    app.post('/', (req, res) => {
      const isValid = verify(req.body, req.headers['x-webhook-signature'], secret);
      if (!isValid) return res.status(401).send('Invalid signature');
    });
  },
  dossier() {
    const verify = functionOf('verifyWebhookSignature', printed('dossier.js'));
    app.post('/', express.raw(), (req, res) => {
      const isValid = verify(req.body.toString(), req.headers['x-webhook-signature'], secret);
      if (!isValid) return res.status(401).send('Invalid signature');
    });
  },
};
await handlers[contract]();

const server = http.createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  res.status = (code) => Object.assign(res, { statusCode: code });
  res.send = (text) => res.end(text);
  try {
    req.body = parse(bytes);
    await handle(req, res);
  } catch (error) {
    if (!res.writableEnded) res.status(400).send(String(error));
  }
  if (!res.writableEnded) res.status(200).send('OK');
  const { statusCode: status } = res;
  process.stdout.write(JSON.stringify({ status, headers: req.headers, body: bytes.toString() }) + '\n');
});
server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
