// "Webhooks" (plain signed webhooks): Code Example, as printed.
// Client verifies signature
const signature = req.headers['x-webhook-signature']
const payload = JSON.stringify(req.body)
const expected = 'sha256=' + crypto.createHmac('sha256', secret).update(payload).digest('hex')
if (signature !== expected) return res.status(401).send('Invalid signature')
