"""The TUF repository and its one fenced signer."""
