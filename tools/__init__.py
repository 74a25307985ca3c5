"""The gate and what it reads: run from the root of the checkout, never installed."""
