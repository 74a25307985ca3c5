"""The updater and launcher on a member's machine."""
