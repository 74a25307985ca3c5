"""The sandbox: build, rebuild and verification suites."""
