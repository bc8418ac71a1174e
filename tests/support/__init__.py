"""What tests stand on: a real server, a real worker, the real API, real receivers."""
