"""What travels and what proves it: digests, manifests, routes, stops, and the client's check."""
