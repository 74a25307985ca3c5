"""Letters (PDF) and e-mail."""
