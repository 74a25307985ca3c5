"""Artifact bytes by digest: a folder that fsyncs, or an S3-compatible store."""
