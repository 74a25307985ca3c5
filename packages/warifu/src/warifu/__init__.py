"""The provider's service: the road from approved source to published release, and back."""
