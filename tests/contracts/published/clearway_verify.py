# Clearway, "Webhook Developer Guide": Python Implementation, as printed.
import hmac
import hashlib
import time

def verify_webhook_signature(payload: str, signature: str, secret: str) -> bool:
    # Extract timestamp and signature
    parts = signature.split(',')
    timestamp = parts[0].split('=')[1]
    expected_signature = parts[1].split('=')[1]

    # Check timestamp is recent (within 5 minutes)
    now = int(time.time())
    if abs(now - int(timestamp)) > 300:
        raise ValueError('Timestamp too old')

    # Construct signed payload
    signed_payload = f"{timestamp}.{payload}"

    # Compute HMAC
    computed_signature = hmac.new(
        secret.encode(),
        signed_payload.encode(),
        hashlib.sha256
    ).hexdigest()

    # Compare signatures (constant-time)
    return hmac.compare_digest(expected_signature, computed_signature)
