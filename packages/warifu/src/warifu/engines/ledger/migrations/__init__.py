"""The ledger's tables, step by step; old code must run on the next schema."""
