"""What we stand on: each engine has an embedded and a scale-out form."""
