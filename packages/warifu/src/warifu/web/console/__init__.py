"""The provider's pages: releases, incidents, sign-offs."""
