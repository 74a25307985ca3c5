"""The signer process: the member's key lives here alone, and goes when it is not used."""
