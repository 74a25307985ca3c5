"""The desktop face: a web application for this machine and this member alone."""
