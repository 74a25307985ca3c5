"""The plug-in by which the host application signs and verifies (PDF署名プラグイン's part)."""
