"""Stories and fleet simulation: stands above everything, nothing imports it."""
