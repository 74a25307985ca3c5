"""Lines of development in git: expected bytes and the index of their history."""
